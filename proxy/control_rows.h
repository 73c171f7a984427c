// What is stored, as rows of the control protocol.
#pragma once

#include "proxy/control_mask.h"
#include "proxy/operator_actions.h"
#include "store/store.h"
#include "wire/request.h"
#include "wire/rows.h"

namespace cordon::proxy {

wire::Time wire_time(store::WallTime time);

wire::StatusRow row_of(const GatewayStatus& status);
wire::MessageRow row_of(const store::MessageView& view, const BaitMask& mask);
wire::RecipientRow row_of(const store::MessageView& view, const store::RecipientStatus& recipient,
                          const BaitMask& mask);
wire::AlertRow row_of(const store::Alert& alert, const std::string& origin_label);
wire::CordonRow row_of(const store::Cordon& cordon, const std::string& origin_label);
wire::TranscriptRow row_of(const store::TranscriptLine& line, const BaitMask& mask);
wire::BaitRow row_of(const store::BaitRow& bait, const BaitMask& mask);
wire::HitRow row_of(const baits::Hit& hit);
wire::RevocationRow row_of(const store::RevocationRecord& record, const std::string& origin_label,
                           const BaitMask& mask);
wire::WarningRow row_of(const store::Warning& warning, const BaitMask& mask);
wire::AuditRow row_of(const store::AuditEntry& entry);

}  // namespace cordon::proxy
