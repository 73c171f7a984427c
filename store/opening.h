// Takes possession of a store's directory and looks at the database before anything in it is
// changed. What cannot be trusted is refused with OpenError and left as it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "store/file.h"
#include "store/slot_set.h"
#include "store/sqlite.h"

namespace cordon::store {

// The files of a store, in its directory.
inline constexpr const char* database_name = "cordon.db";
inline constexpr const char* lock_name = "cordon.lock";
inline constexpr const char* reserve_name = "cordon.reserve";
inline constexpr const char* slots_name = "cordon.slots";

// Makes the directory if it is missing and locks it against other processes, for as long as the
// result lives. Throws OpenError; where another holds it, the message has its process id.
File take_directory(const std::filesystem::path& directory);

// Opens the database for the writer, made first if there is none; at the newest version, in WAL
// mode with synchronous=FULL.
//
// Checked first: the file header (format, application, version), then through SQLite the version
// (which may be newer in the log than in the file), the schema, text by text, and the pages with
// quick_check: of all tables up to `full_check_octets` of database, of the control tables above
// that, since a whole check reads every page and a start must not take minutes. Throws OpenError.
// The slots that rows name must be within the slot file, each named once; they are put into `used`.
Database open_database(const std::filesystem::path& directory, std::uint64_t full_check_octets,
                       SlotSet& used);

}  // namespace cordon::store
