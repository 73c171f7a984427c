// Puts on record what is known of an attempt: each recipient's fate, and in the same batch the
// report to who is to be told, so that a crash neither loses nor repeats it. On the back office's
// io_context; owns itself until `done` was called.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/attempt.h"
#include "proxy/committer.h"

namespace cordon::proxy {

class Recording : public std::enable_shared_from_this<Recording> {
 public:
  struct Entry {
    Attempt attempt;
    // It is under way to others still: of these alone something is recorded.
    bool claim_stands = false;
    std::optional<store::Uptime> due;  // of what is still pending; nullopt: nothing is
    bool in_doubt = false;             // what has no result may have left all the same
  };
  // `view` lives until `done` was called. `whole`: the content if it is at hand, else null.
  Recording(Committer& committer, const store::MessageView& view,
            std::shared_ptr<const std::string> whole, Entry entry, std::function<void()> done);
  // `done` is called when it is stored, or never can be; never from within.
  void start();

 private:
  void read_original(std::uint64_t octets);
  void submit();
  void on_stored(std::optional<store::MessageId> notice, bool settled);
  store::RecordAttempt to_be_recorded() const;
  void log_fates() const;

  Committer& committer_;
  const store::MessageView& view_;
  const std::shared_ptr<const std::string> whole_;
  const Entry entry_;
  std::function<void()> done_;
  bool report_due_ = false;  // somebody is to be told
  std::string original_;     // the front of the content, for that
};

// The front of a message's content. Empty if it cannot be read.
std::string front_of_content(store::Reader& reader, store::MessageId id, std::uint64_t octets);

}  // namespace cordon::proxy
