// What truly happened in a simulation, over all lives of its gateway: what clients were told, what
// became durable, what arrived upstream, and when policy knew of a cordon. From that alone it says
// what must have become of each message, and names every breach of the plan's first invariants:
//
//   1. what was acknowledged is not lost;
//   2. a duplicate comes only from a result that a crash left unrecorded, and reaches nobody whose
//      delivery is on record;
//   3. nothing of a cordoned origin passes the gate after its cordon, and who may have received of
//      it is warned, once;
//
// and that no alert is silent, nor anything committed while one cannot be stored.
//
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace cordon::simulated {

class Ledger {
 public:
  // ---- clients
  void sent(store::MessageId id, bool automatic);  // its final dot: the gateway decides on it now
  void acknowledged(store::MessageId id);          // 250
  void turned_away(store::MessageId id);           // 4xx

  // ---- the store
  void applied(const store::Batch& batch, const store::Answer& answer);
  void refused(const store::Batch& batch);  // the disk's fault: nothing of it was applied
  // Submitted before an earlier one of the same message was answered.
  void overtaken(const std::string& batch);
  // The store refused a batch for what it asks. Only after such trouble may that happen: what it
  // builds on was refused before.
  void contradicted(const std::string& batch, const std::string& why);

  // ---- policy, as it is in memory now. `leaving`: a message of the origin is past its gate, and
  // has not arrived yet.
  void cordon_stands(store::CordonId cordon, store::OriginId origin, bool leaving);
  void cordon_ended(store::CordonId cordon);
  std::vector<std::pair<store::CordonId, store::OriginId>> standing() const;
  void woken();  // a life begins: memory knows what is durable

  // ---- the upstream. `content` as it came, `unanswered`: it never said what became of it.
  void arrived(const std::string& content, const std::vector<std::string>& recipients,
               bool unanswered);

  // ---- a crash: memory is gone. `claimed`: the store has their claims and no results.
  void crashed(const std::vector<store::MessageId>& claimed);

  void never_rests();  // something is tried again and again, or waits for ever

  // All is quiet: everything must have come to its end. Empty: nothing was broken.
  std::vector<std::string> breaches(store::Reader& reader);

  std::string text() const;  // the story so far, for a person who looks for a fault

 private:
  using Time = std::uint64_t;  // counts events
  static constexpr Time never = UINT64_MAX;
  struct Sent {
    Time at = 0;
    bool automatic = false;
    bool acknowledged = false;
    bool turned_away = false;
  };
  struct Stored {
    store::Message message;
    std::string content;  // with its trace, as it must arrive
    bool claimed = false;
    Time released = never;
    bool frozen = false;
    bool deleted = false;
  };
  struct Cordoning {
    store::OriginId origin{};
    store::AlertId alert{};
    Time raised = never;
    Time ended = never;
    bool in_memory = false;
    bool durable = false;
    bool lifted = false;     // durably
    bool withdrawn = false;  // likewise
    bool may_pass = false;   // one message was past its gate when it was raised
    store::CordonKind kind = store::CordonKind::enforced;
  };
  using Delivered = std::map<std::pair<store::MessageId, std::string>, unsigned>;

  void note(const std::string& event);
  void breach(const std::string& what);
  void apply(const store::Command& command);
  void apply_accept(const store::Accept& accept);
  void raised(const store::Cordon& cordon);
  bool under(const Cordoning& cordon, store::MessageId id) const;
  Cordoning* blocking(store::MessageId id);
  bool caught(store::MessageId id) const;
  unsigned times(store::MessageId id, const std::string& recipient) const;
  bool has_arrived(store::MessageId id) const;
  unsigned most_arrivals(store::MessageId id) const;

  void check_message(const store::MessageView& view);
  void check_recipient(const store::MessageView& view, const store::RecipientStatus& status);
  std::size_t reports(const store::MessageView& view, const std::string& recipient,
                      const std::string& action) const;
  void check_report(const store::MessageView& view, const std::string& recipient,
                    const std::string& action, bool expected);
  void check_waiting(const store::MessageView& view);
  void check_acknowledged(store::Reader& reader);
  void check_warnings(store::Reader& reader, const Cordoning& cordon);
  void check_notice(const store::Warning& warning, store::OriginId origin);
  void check_reports(store::Reader& reader);

  Time now_ = 0;
  std::vector<std::string> story_;
  std::vector<std::string> breaches_;
  std::map<store::MessageId, Sent> sent_;
  std::map<store::MessageId, std::string> pieces_;  // of messages not accepted yet
  std::map<store::MessageId, Stored> stored_;
  std::map<std::string, store::MessageId> by_content_;
  std::map<store::CordonId, Cordoning> cordons_;
  std::set<store::AlertId> alerts_;    // durable
  std::set<store::AlertId> unstored_;  // refused, and not stored yet
  Delivered delivered_;
  std::set<std::pair<store::MessageId, std::string>> recorded_;  // durably, as delivered
  bool in_trouble_ = false;                                      // the disk has refused something
  std::set<store::MessageId> doubtful_;  // without a result at a crash, or without an answer
  std::map<store::MessageId, unsigned> repeats_;  // those of them that had arrived: how often
};

}  // namespace cordon::simulated
