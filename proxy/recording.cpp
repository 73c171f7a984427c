#include "proxy/recording.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <boost/asio/post.hpp>

#include "proxy/bait_masking.h"
#include "proxy/log.h"
#include "proxy/notices.h"
#include "proxy/sender_report.h"

namespace cordon::proxy {

using store::RecipientState;

namespace {

std::string_view word_of(RecipientState state) {
  switch (state) {
    case RecipientState::delivered:
      return "delivered";
    case RecipientState::pending:
      return "deferred";
    case RecipientState::suppressed:
      return "suppressed";
    case RecipientState::failed:
      return "failed";
  }
  return "";
}

// What stays on record of it.
std::string words_of(const Fate& fate) {
  if (fate.state == RecipientState::suppressed) return "bait";
  if (!fate.expired) return fate.reply.one_line();
  return "451 4.4.7 Not delivered within queue_lifetime; last: " + fate.reply.one_line();
}

}  // namespace

std::string front_of_content(store::Reader& reader, store::MessageId id, std::uint64_t octets) {
  std::string content(static_cast<std::size_t>(octets), '\0');
  try {
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t got = reader.body(id, at, std::span(content).subspan(at));
      if (got == 0) content.resize(at);
      at += got;
    }
  } catch (const std::runtime_error&) {
    content.clear();
  }
  return content;
}

Recording::Recording(Committer& committer, const store::MessageView& view,
                     std::shared_ptr<const std::string> whole, Entry entry,
                     std::function<void()> done)
    : committer_(committer),
      view_(view),
      whole_(std::move(whole)),
      entry_(std::move(entry)),
      done_(std::move(done)) {}

void Recording::start() {
  log_fates();
  const auto octets = original_wanted(*committer_.gateway_.config(), view_, entry_.attempt);
  report_due_ = octets != 0;
  if (!report_due_) return submit();
  if (!whole_) return read_original(octets);
  original_ = whole_->substr(0, octets);
  submit();
}

void Recording::read_original(std::uint64_t octets) {
  committer_.readers_.post(
      [self = shared_from_this(), octets](store::Reader& reader) {
        const store::Message& message = self->view_.message;
        std::string content =
            front_of_content(reader, message.id, std::min(octets, message.octets));
        boost::asio::post(self->committer_.context_,
                          [self, content = std::move(content)]() mutable {
                            self->original_ = std::move(content);
                            self->submit();
                          });
      },
      [self = shared_from_this()] {
        boost::asio::post(self->committer_.context_, [self] { self->submit(); });
      });
}

void Recording::submit() {
  auto& gateway = committer_.gateway_;
  const auto id = view_.message.id;
  store::Batch batch;
  std::optional<store::MessageId> notice;
  if (report_due_) {
    const auto report =
        sender_report(*gateway.config(), *gateway.matcher(), view_, entry_.attempt, original_);
    if (report) notice = add_notice(batch, gateway, *report);
  }
  // While some are pending only those are in doubt. At the end of its lifetime all without a result
  // are, and must be marked before they are settled.
  const bool settles = !entry_.claim_stands && !entry_.due;
  if (entry_.in_doubt && settles) batch.push_back(store::MarkUncertain{id});
  batch.push_back(to_be_recorded());
  if (entry_.in_doubt && !settles) batch.push_back(store::MarkUncertain{id});
  committer_.keep_trying(std::move(batch), id,
                         [self = shared_from_this(), notice, settles](bool stored) {
                           if (stored) self->on_stored(notice, settles);
                           self->done_();
                         });
}

void Recording::on_stored(std::optional<store::MessageId> notice, bool settled) {
  auto& gateway = committer_.gateway_;
  if (notice) notice_stored(gateway, *notice);
  if (settled) gateway.credentials().destroy(view_.message.id);
}

store::RecordAttempt Recording::to_be_recorded() const {
  const Attempt& attempt = entry_.attempt;
  store::RecordAttempt record{.message = view_.message.id,
                              .at = attempt.at,
                              .due = entry_.due.value_or(committer_.gateway_.clock().now()),
                              .count_attempt = attempt.tried,
                              .claim_stands = entry_.claim_stands};
  for (const Fate& fate : attempt.fates) {
    const bool told = action_to_tell(view_.message, fate) == notice::DsnAction::delayed;
    record.results.push_back({fate.index, fate.state, words_of(fate), told});
  }
  return record;
}

void Recording::log_fates() const {
  const auto matcher = committer_.gateway_.matcher();
  const auto id = view_.message.id;
  for (const Fate& fate : entry_.attempt.fates) {
    const std::string reply = without_baits(*matcher, words_of(fate));
    log::info("message.attempt", {{"id", id},
                                  {"recipient", fate.index},
                                  {"outcome", word_of(fate.state)},
                                  {"reply", reply}});
    if (fate.state != RecipientState::failed) continue;
    // Of neither of these is a sender told; the log is how operators are (RFC 3461 5.2).
    if (view_.message.kind != store::MessageKind::mail)
      log::error("notice.undeliverable", {{"id", id}, {"recipient", fate.index}, {"reply", reply}});
    else if (view_.message.envelope.sender.null)
      log::warn("message.undeliverable", {{"id", id},
                                          {"recipient", fate.index},
                                          {"reply", reply},
                                          {"why", "its sender is the null path"}});
  }
}

}  // namespace cordon::proxy
