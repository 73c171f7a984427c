#include "proxy/warner.h"

#include <chrono>

#include <boost/asio/post.hpp>

#include "proxy/log.h"
#include "proxy/notice_texts.h"
#include "proxy/notices.h"

namespace cordon::proxy {

using store::CordonId;
using store::WarningState;

namespace {
constexpr std::uint32_t records_at_once = 500;
constexpr auto look_again = std::chrono::milliseconds(200);
// How long after the cordon warnings wait for what was past its gate. Servers answer the final dot
// within seconds, or take their time on purpose: the recipients' own server may be an attacker's,
// and data_timeout is ten minutes for the honest ones' sake (RFC 5321 4.5.3.2.6). An outbreak is
// not to have those minutes.
constexpr auto longest_in_doubt = std::chrono::seconds(60);
}  // namespace

void Warner::take_up() {
  readers_.post(
      [this](store::Reader& reader) {
        for (const store::Cordon& cordon : reader.cordons(true, UINT32_MAX))
          if (cordon.kind == store::CordonKind::enforced && !cordon.withdrawn &&
              !cordon.warnings_done)
            watch(cordon);
      },
      [] {});
}

void Warner::watch(const store::Cordon& cordon) {
  const auto ready = cordon.raised_up + gateway_.config()->settings().notices.warning_delay;
  const auto left = ready - gateway_.clock().now();
  boost::asio::post(
      context_, [this, id = cordon.id, left] { wait(id, std::max(left, decltype(left)::zero())); });
}

void Warner::wait(CordonId cordon, std::chrono::milliseconds time) {
  auto timer = std::make_shared<boost::asio::steady_timer>(context_, time);
  timer->async_wait([this, cordon, timer](const boost::system::error_code& cancelled) {
    if (!cancelled) try_begin(cordon);
  });
}

// A message that passed the gate before the cordon may yet be delivered: its recipients are to be
// warned too, so its result comes first.
void Warner::try_begin(CordonId id) {
  readers_.post(
      [this, id](store::Reader& reader) {
        const auto cordon = reader.cordon(id);
        if (!cordon || cordon->withdrawn || cordon->warnings_done) return;
        const auto leaving = gateway_.with_policy(
            [&](Policy& policy) { return policy.cordoner.past_gate(cordon->origin); });
        const bool in_time = gateway_.clock().now() < cordon->raised_up + longest_in_doubt;
        const bool early = open_(cordon->alert) || (!leaving.empty() && in_time);
        boost::asio::post(context_, [this, id, leaving, early] {
          if (early) return wait(id, look_again);
          if (leaving.empty()) return write_some(id);
          begin_in_doubt(id, leaving);
        });
      },
      [this, id] { try_later(id); });
}

// Nothing of the origin passes the gate any more, so these are the last.
void Warner::begin_in_doubt(CordonId id, const std::vector<store::MessageId>& leaving) {
  log::warn("warnings.in_doubt", {{"cordon", id}, {"messages", leaving.size()}});
  store::Batch batch;
  for (const store::MessageId message : leaving)
    batch.push_back(store::MarkUncertain{.message = message, .claim_stands = true});
  gateway_.store().submit(std::move(batch), [this, id](const store::Answer& answer) {
    if (!answer.ok()) {
      log::error("store.failed", {{"doing", "warn"}, {"why", answer.detail}});
      return try_later(id);
    }
    boost::asio::post(context_, [this, id] { write_some(id); });
  });
}

void Warner::try_later(CordonId id) {
  boost::asio::post(context_, [this, id] { wait(id, std::chrono::seconds(1)); });
}

void Warner::write_some(CordonId id) {
  readers_.post(
      [this, id](store::Reader& reader) {
        const auto cordon = reader.cordon(id);
        if (!cordon || cordon->withdrawn || cordon->warnings_done) return;
        const auto config = gateway_.config();
        const auto look_back = config->settings().cordoning.look_back;
        const store::WallTime since =
            look_back ? cordon->raised_at - *look_back : store::WallTime{};
        auto records =
            reader.revocations(cordon->origin, since, cordon->warning_cursor, records_at_once);
        store::Batch batch;
        store::AddWarnings add{.cordon = id,
                               .cursor = cordon->warning_cursor,
                               .done = records.empty(),
                               .after = cordon->warning_cursor};
        if (!records.empty()) add.cursor = records.back().recipient;
        const auto matcher = gateway_.matcher();
        std::erase_if(records, [&](const auto& r) { return is_bait(*matcher, r.recipient); });

        const auto already = reader.warnings_sent(cordon->alert);
        const auto planned = plan_warnings(
            records, config->warning_limits(), already, [&](const std::string& recipient) {
              return reader.warnings_to(recipient, wall_now() - std::chrono::hours(24));
            });
        std::vector<store::MessageId> notices;
        for (const PlannedWarning& warning : planned) {
          store::Warning row{.id = gateway_.store().next_warning_id(),
                             .alert = cordon->alert,
                             .recipient = warning.recipient,
                             .certain = warning.certain,
                             .state = warning.state,
                             .reason = warning.reason,
                             .at = wall_now()};
          if (warning.state == WarningState::pending)
            if (const auto notice =
                    add_notice(batch, gateway_, warning_for(*config, cordon->alert, warning))) {
              row.state = WarningState::queued;
              row.notice = *notice;
              notices.push_back(*notice);
            }
          add.warnings.push_back(std::move(row));
        }
        const bool done = add.done;
        log::info("warnings.written",
                  {{"cordon", id}, {"count", add.warnings.size()}, {"queued", notices.size()}});
        batch.push_back(std::move(add));
        gateway_.store().submit(
            std::move(batch), [this, id, done, notices](const store::Answer& answer) {
              if (!answer.ok())
                log::error("store.failed", {{"doing", "warn"}, {"why", answer.detail}});
              for (const auto notice : answer.ok() ? notices : std::vector<store::MessageId>())
                notice_stored(gateway_, notice);
              if (answer.ok() && done) return;
              boost::asio::post(context_, [this, id, ok = answer.ok()] {
                if (ok)
                  write_some(id);
                else
                  wait(id, std::chrono::seconds(1));
              });
            });
      },
      [this, id] { try_later(id); });
}

}  // namespace cordon::proxy
