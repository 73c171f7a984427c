// The heart of cordond: the state that sessions, committer, responder and operators share, and the
// way of a message into the store. Policy (cordoner, recovery, origins) lives behind one lock; the
// gate that a message leaves by and the raising of a cordon both take it, so that nothing of a
// cordoned origin passes after its cordon.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "baits/matcher.h"
#include "cordon/cordoner.h"
#include "cordon/origins.h"
#include "cordon/recovery.h"
#include "proxy/config.h"
#include "proxy/credential_vault.h"
#include "proxy/intake.h"
#include "proxy/login.h"
#include "proxy/offers.h"
#include "proxy/uptime_clock.h"
#include "smtp/notice/header_scan.h"
#include "store/store.h"

namespace cordon::proxy {

// Everything that is decided under the one lock.
struct Policy {
  Policy(HoldLimits hold, IdSource ids, SafetyLimits safety)
      : cordoner(hold), recovery(cordoner, std::move(ids), safety) {}
  // A lane a route, so that an upstream that hangs keeps back its own mail only.
  Lane lane_of(const std::string& route);

  Cordoner cordoner;
  Recovery recovery;
  Origins origins;
  std::vector<std::string> routes;  // by lane
};

// Since start; any thread.
struct Counters {
  std::atomic<std::uint64_t> sessions{0};  // now, not since start
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> committed{0};
  std::atomic<std::uint64_t> deferred{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> violations{0};
};

// A client as policy sees it.
struct Peer {
  std::string address;  // as text, no port
  std::string listener;
  std::string session;
  OriginTraits traits;
  Mode mode = Mode::enforce;  // of the origin, else of the listener
  std::string auth_user;      // the name it proved by AUTH; empty if none
};

// A complete message, about to be stored.
struct Submission {
  store::MessageId id{};
  const smtp::Envelope* envelope = nullptr;  // copied
  std::string client;  // who sent it (smtp/xclient.h, client_record); empty: not known
  std::string trace;
  std::uint32_t last_piece = 0;
  std::string last_bytes;
  std::uint64_t octets = 0;
  store::Digest digest{};
  notice::HeaderFacts facts;
  Login login;  // as whom it must be delivered; none: with the credentials of its route, if any
  std::optional<store::Alert> violation;  // of this transaction
  bool quarantine_alone = false;          // that violation put this message in quarantine by itself
};

enum class AcceptOutcome : std::uint8_t { stored, cap_reached, store_full, store_failed, loop };

// What a bait hit means for the session that made it.
struct HitOutcome {
  store::Alert alert;
  bool quarantine_message = false;
  std::optional<store::CordonId> record;  // record the session under this cordon
};

class Responder;

class Gateway {
 public:
  Gateway(std::shared_ptr<const Config> config, std::unique_ptr<store::Store> store);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // ---- parts
  store::Store& store() { return *store_; }
  const UptimeClock& clock() const { return *clock_; }
  Counters& counters() { return counters_; }
  Intake& intake() { return intake_; }
  Offers& offers() { return offers_; }
  CredentialVault& credentials() { return credentials_; }
  std::shared_ptr<const Config> config() const;
  void set_config(std::shared_ptr<const Config> config);  // takes effect for limits at once
  std::shared_ptr<const baits::Matcher> matcher() const;
  void reload_baits();  // from the store; blocks
  // Waits until all that was submitted is answered; the store is gone then. At the end, once nobody
  // asks for it any more.
  void close_store() { store_.reset(); }
  // What a crash left claimed without a result: to be marked before anything is claimed again.
  store::Batch take_uncertain() { return std::exchange(uncertain_, {}); }
  // Calls `use(Policy&)` under the lock. `use` must not block.
  template <typename Use>
  auto with_policy(Use use) {
    const std::lock_guard lock(policy_mutex_);
    return use(*policy_);
  }
  void set_responder(Responder* responder) { responder_ = responder; }
  // Called, without the lock, when something may be due earlier than was known.
  void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }
  void wake() const {
    if (wake_) wake_();
  }

  // ---- a session's way (event threads; none blocks)
  Peer make_peer(std::string address, const ListenerSettings& listener, std::string session) const;
  // The origin that `peer` is, made and stored if it is new.
  store::OriginId origin_of(const Peer& peer);
  // The cordon, shadow or not, under which the peer's session is to be recorded.
  std::optional<store::CordonId> recorded_under(const Peer& peer);
  // A bait was used. Cordons at once; what must be stored is on its way when this returns.
  HitOutcome violation(const Peer& peer, const baits::Hit& hit, store::ViolationPlace place,
                       bool null_sender);
  // Stores the message; `done` runs on the store's writer thread.
  void accept(const Peer& peer, Submission submission, std::function<void(AcceptOutcome)> done);
  // Lines of a recorded session; kept within transcript_lines, written out by flush_records().
  void record(store::TranscriptLine line);
  void flush_records();  // once a second, by the back office
  // The transaction that raised `alert` has ended: warnings need wait for it no longer.
  void transaction_ended(const store::Alert& alert);

 private:
  void open_credentials();
  void rebuild();
  store::Alert settle_automatic_reply(const Peer& peer, Submission& submission);
  void count_shadow(Policy& policy, store::OriginId origin);
  // Of a cordon, since the last flush.
  struct Record {
    std::vector<store::TranscriptLine> lines;
    std::uint64_t quarantined = 0;
  };
  void keep_record(store::CordonId cordon, Record record, store::StoreError why);

  std::unique_ptr<store::Store> store_;
  store::Batch uncertain_;
  std::mutex baits_mutex_;
  std::unique_ptr<UptimeClock> clock_;
  mutable std::mutex config_mutex_;
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const baits::Matcher> matcher_;
  std::mutex policy_mutex_;
  std::unique_ptr<Policy> policy_;
  Counters counters_;
  Intake intake_;
  Offers offers_;
  CredentialVault credentials_;
  Responder* responder_ = nullptr;
  std::function<void()> wake_;

  std::mutex records_mutex_;
  std::vector<store::TranscriptLine> lines_;
  std::unordered_map<store::CordonId, std::uint32_t> lines_kept_;
  std::unordered_map<store::CordonId, std::uint64_t> counted_;  // messages quarantined since
};

}  // namespace cordon::proxy
