// One request that only looks. Split from the service so that each file has one idea.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "proxy/control_mask.h"
#include "proxy/control_service.h"

namespace cordon::proxy {

// Why a request came to nothing; without one it went well.
using Refusal = std::optional<wire::Fault>;

class ControlQuery {
 public:
  ControlQuery(OperatorActions& actions, store::Reader& reader, store::WallTime now,
               const wire::Request& request, const ReplySink& sink);

  Refusal run();
  std::uint64_t rows() const { return rows_; }
  bool client_gone() const { return gone_; }

  // An origin by id, identifier or label.
  std::optional<store::OriginId> find_origin(const std::string& text, Refusal& refusal);
  // Calls `each` with every message of the selection, by id, until it says false.
  Refusal for_each_message(store::MessageFilter::Which which,
                           const std::function<bool(const store::MessageView&)>& each);

 private:
  Refusal list_messages(store::MessageFilter::Which which);
  Refusal show_message();
  Refusal send_content();
  Refusal list_alerts();
  Refusal show_alert();
  Refusal list_cordons();
  Refusal show_cordon();
  Refusal list_baits();
  Refusal list_revocations();
  Refusal list_warnings();
  Refusal list_audit();

  bool send(wire::Row row);
  bool send_revocations(store::OriginId origin, std::uint64_t& left);
  void send_history(const store::MessageView& view);
  Refusal only_id(std::int64_t& id) const;
  Refusal origin_filter(std::optional<store::OriginId>& origin);
  std::uint64_t limit(std::uint64_t otherwise) const;
  const std::string& label(store::OriginId origin);

  OperatorActions& actions_;
  store::Reader& reader_;
  store::WallTime now_;
  const wire::Request& request_;
  const wire::Arguments& args_;
  const ReplySink& sink_;
  BaitMask mask_;
  std::map<store::OriginId, std::string> labels_;
  std::uint64_t rows_ = 0;
  bool gone_ = false;
};

}  // namespace cordon::proxy
