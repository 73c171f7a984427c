// The schema of the store, as an ordered list of migrations. Version N is what the first N texts
// make; a text is never changed once released.
#pragma once

#include <cstdint>
#include <span>

#include "store/sqlite.h"

namespace cordon::store {

// Marks a file as Cordon's ("Crdn"), so that another program's database is never taken for one.
inline constexpr std::int32_t application_id = 0x4372646e;

std::span<const char* const> migrations();
int newest_version();

// Brings `db` to `version` from what it has; each migration is one transaction.
void migrate(Database& db, int version);

}  // namespace cordon::store
