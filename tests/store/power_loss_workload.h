// A day in the life of a store, for tests that interrupt it: each deed is a batch, with what the
// store must tell of the things it changes once the batch is applied.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "disk_model.h"
#include "power_loss_ledger.h"
#include "store/store.h"

namespace cordon::store::disk {

struct Deed {
  Batch batch;
  std::vector<Change> changes;
};
Deed together(Deed one, Deed other);  // in one batch

struct Mail {
  MessageView expected;
  std::shared_ptr<const std::string> content;
  Thing thing{};
};
// The deeds that bring one message in: its pieces, if it has several, then its acceptance.
struct Arrival {
  Mail mail;
  std::vector<Deed> deeds;
};

struct Worm {
  Alert alert;
  Cordon cordon;
  Thing alert_thing{};
  Thing cordon_thing{};
  Thing warnings_thing{};
  std::vector<std::string> warned;
};

// Makes deeds. What a deed changes counts as done once it is made: it has to be submitted, again if
// it was refused. An arrival is not submitted again: a client would come with a new message.
class Workload {
 public:
  Workload(Ledger& ledger, std::uint64_t seed) : ledger_(ledger), random_(seed) {}

  Deed new_origin(Store& store);
  Deed new_bait(Store& store);
  Arrival new_mail(Store& store, std::size_t octets, std::size_t recipients = 1);

  Deed claim(Mail& mail);
  Deed deliver(Mail& mail);  // claimed before; to all
  Deed defer(Mail& mail);    // claimed before; the first recipient has it, others have to wait
  Deed refuse(Mail& mail);   // claimed before; by the upstream, for all
  Deed lose_track(Mail& mail);
  Deed freeze(Mail& mail);
  Deed remove(Mail& mail);

  Deed raise(Store& store);  // a cordon of the newest origin
  Deed warn(Store& store);   // of the last cordon, further recipients with the cursor
  Deed lift();               // the last cordon, as a mistake

  std::size_t any_size();  // 0.5 KiB to 300 KiB, most of them small
  Random& random() { return random_; }

  // Rounds of deeds submitted at once, as many sessions would.
  void run(Store& store, int rounds);

 private:
  struct OriginKept {
    Origin origin;
    Thing thing{};
  };

  Deed attempt(Mail& mail, const std::vector<RecipientState>& states);
  Deed changed(Mail& mail, Command command);
  Deed next_for(Mail& mail);
  void submit(Store& store, Deed deed);
  void bring_mail(Store& store);
  void change_control_state(Store& store, int round);

  Ledger& ledger_;
  Random random_;
  std::vector<OriginKept> origins_;
  std::vector<Mail> mails_;  // not settled
  std::vector<Worm> worms_;
  Epoch epoch_ = 0;
};

}  // namespace cordon::store::disk
