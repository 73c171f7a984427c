// The store's interface: batches of domain commands in, one answer when they are on stable storage.
// Not SQL: SQLite is one engine behind it (sqlite_store.h), and a fleet may later keep its control
// state elsewhere.
//
// Writing. submit() may be called from any thread. A batch applies whole or not at all. All batches
// that queue up while the last sync runs share the next one (group commit, no timer). `done` runs
// on a thread of the store, after the sync, and must neither block nor throw; it is called exactly
// once for every batch, also when the store closes.
//
// Order. A batch with *large content* has an AppendBody, a DropBody, or an Accept that follows
// pieces or has more octets of its own than the engine keeps in a row. All others are applied in
// the order of their submission. Those with large content are applied in order among those of the
// same message (the first that the batch has content of); their content is synced first, and
// meanwhile others overtake them. Whatever is submitted after the `done` of a batch is applied
// after it.
//
// Reading. A Reader has a connection of its own and sees a consistent state at each call. It may
// block on the disk; use it off the event threads. It never delays the writer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/types.h"

namespace cordon::store {

// ---- commands

struct AddOrigin {
  Origin origin;
};  // id from next_origin_id()
struct AddIdentifier {
  OriginId origin{};
  Identifier identifier;
};
struct EndIdentifier {
  OriginId origin{};
  IdentifierKind kind{};
  std::string value;
  WallTime at;
};
struct TouchOrigin {
  OriginId origin{};
  WallTime seen;
};

// A piece of the content of a message that is not accepted yet: of max_body_piece octets exactly;
// what is left in the end comes with Accept. Pieces count from 0. The answer means that the piece
// is written, not that it is synced: it is there for flow control, and all of it may be lost until
// the Accept is answered. Nobody can read it before. After a failure the message's content may be
// lost: drop it.
inline constexpr std::size_t max_body_piece = std::size_t{64} * 1024;  // octets
struct AppendBody {
  MessageId message{};
  std::uint32_t piece = 0;
  std::string bytes;
};
// Gives up content that was never accepted. A crash does the same.
struct DropBody {
  MessageId message{};
};
// The message with its recipients, and the last piece of its content (may be the only one, may be
// empty). If it fails, pieces that were appended before are dropped.
struct Accept {
  Message message;
  std::uint32_t piece = 0;
  std::string bytes;
};

// held or uncertain -> claimed, for each message that is unfrozen and not in quarantine by the
// store's own reckoning ("claim unless cordoned"). The others are left alone; Answer::claimed tells
// which went.
struct Claim {
  std::vector<MessageId> messages;
};
// The outcome of one attempt: each result settles or defers one recipient. When none is pending any
// more the message becomes committed or failed and its content is dropped, else held until `due`.
// With `claim_stands` the attempt goes on for others: the results are recorded, and nothing else
// changes. A last one without it must follow.
struct RecordAttempt {
  struct Result {
    std::uint32_t index = 0;
    RecipientState state{};
    std::string reply;
    bool delay_told = false;  // true: a report of the delay is queued in the same batch
  };
  MessageId message{};
  WallTime at;
  Uptime due;
  std::vector<Result> results;
  bool count_attempt = true;  // false: nothing was tried (the gate was closed, or expiry)
  bool claim_stands = false;  // true: `due` and `count_attempt` say nothing
};
// claimed -> held again without any try (the gate was shut, or a clean stop).
struct Unclaim {
  MessageId message{};
};
// claimed or held -> uncertain: it may have left. Found claimed at start-up, or its final dot was
// not answered. It may be claimed again; that it may have been received stays on record
// (revocations()) until a delivery makes it certain. With `claim_stands` it is still under way:
// that is put on record alone, and nothing is if it has come to its end since.
struct MarkUncertain {
  MessageId message{};
  bool claim_stands = false;
};

struct Freeze {
  MessageId message{};
  bool frozen = true;
};
// Lets a message go whatever cordon or quarantine it is under; due at once. Its age for the queue
// lifetime starts anew.
struct Release {
  MessageId message{};
  Uptime due;
};
struct DeleteMessage {
  MessageId message{};
};  // content dropped, envelope kept as a record

// Keeps, or replaces, what an unsettled message is delivered with: a text that only the key of this
// message opens, never empty. The Accept may be in the same batch. Whatever settles a message drops
// it.
struct SealCredentials {
  MessageId message{};
  std::string sealed;
};
// Those that have none are left alone.
struct DropCredentials {
  std::vector<MessageId> messages;
};

struct RaiseAlert {
  Alert alert;
  std::optional<Cordon> cordon;
};  // sets the origin's cordon_epoch
// A cordon of an alert that is stored already: what was a mistake became a review.
struct AddCordon {
  Cordon cordon;
};
// The operators' report of it is queued in the same batch.
struct MarkTold {
  AlertId alert{};
};
struct CountHit {
  AlertId alert{};
  BaitId bait{};
  std::uint32_t times = 1;
};  // more violations in the same cordon
struct SetAlertResponse {
  AlertId alert{};
  Response response{};
  std::string reason;
  MessageId message{};
};
struct LiftCordon {
  CordonId cordon{};
  WallTime at;
  bool withdrawn = false;
};
struct CountCordon {
  CordonId cordon{};
  std::uint64_t quarantined = 0;
  std::uint64_t committed_before = 0;
};  // adds
struct AddTranscript {
  std::vector<TranscriptLine> lines;
};

// Written with the cursor in one batch, so that a crash neither repeats nor skips a warning. A
// fault if the cursor has moved on from `after`: these warnings are written already.
struct AddWarnings {
  CordonId cordon{};
  std::vector<Warning> warnings;
  std::string cursor;
  bool done = false;
  std::string after;
};
struct SetWarning {
  WarningId warning{};
  WarningState state{};
  std::string reason;
  MessageId notice{};
};

struct AddBaits {
  std::vector<BaitRow> baits;
};  // ids from next_bait_id()
struct RetireBaits {
  std::vector<BaitId> baits;
  WallTime at;
  std::string why;
};
struct AddAudit {
  AuditEntry entry;
};  // id is set by the store

struct SaveUptime {
  Uptime now;
};
// Forgets settled messages, ended alerts' transcripts and audit entries older than `before`; never
// one of an unlifted cordon or awaiting warning. At most `limit` messages a call.
struct Prune {
  WallTime before;
  std::uint32_t limit = 1000;
};

using Command =
    std::variant<AddOrigin, AddIdentifier, EndIdentifier, TouchOrigin, AppendBody, DropBody, Accept,
                 Claim, RecordAttempt, Unclaim, MarkUncertain, Freeze, Release, DeleteMessage,
                 SealCredentials, DropCredentials, RaiseAlert, AddCordon, MarkTold, CountHit,
                 SetAlertResponse, LiftCordon, CountCordon, AddTranscript, AddWarnings, SetWarning,
                 AddBaits, RetireBaits, AddAudit, SaveUptime, Prune>;
using Batch = std::vector<Command>;

enum class StoreError : std::uint8_t {
  none,
  full,    // no space left, or a quota: may pass
  io,      // the device failed: may pass
  closed,  // the store was closed before this batch ran
  fault,   // the batch contradicts what is stored (an unknown id, ...); nothing of it applied
};
std::string_view describe(StoreError error);

struct Answer {
  StoreError error = StoreError::none;
  std::string detail;              // the engine's words, for the log
  std::vector<MessageId> claimed;  // by the Claim commands of the batch
  bool ok() const { return error == StoreError::none; }
};

// ---- reading

struct MessageFilter {
  std::vector<MessageId> ids;  // empty: any
  std::optional<OriginId> origin;
  std::string sender;            // whole address or @domain; empty: any
  std::string recipient;         // likewise
  std::optional<AlertId> alert;  // messages of the cordon or quarantine that it caused
  std::optional<WallTime> accepted_before;
  std::optional<WallTime> accepted_after;
  enum class Which : std::uint8_t { queue, quarantine, all } which = Which::all;
  // queue: held, claimed or uncertain and not in quarantine. quarantine: held and in quarantine.
  MessageId after{};  // for paging: only ids above this
  std::uint32_t limit = 1000;
};

struct MessageView {
  Message message;
  bool quarantined = false;  // by epoch or by quarantined_by
  std::string origin_label;
  std::string sealed;  // its credentials (SealCredentials); empty: none
  std::vector<RecipientStatus> recipients;
};

// An unsettled message that has a login, or credentials (a token may name nobody).
struct LoginRow {
  MessageId id{};
  std::string listener;
  std::string login;
  bool sealed = false;  // its credentials are stored
};

// What the policy needs to go on after a restart: one row a message that is not settled.
struct Unsettled {
  MessageId id{};
  MessageKind kind{};
  MessageState state{};
  OriginId origin{};
  std::string listener;
  Uptime due;
  Uptime accepted_up;
  Epoch clearance = 0;
  bool quarantined_alone = false;
  bool frozen = false;
  std::uint32_t attempts = 0;
};

struct AwaitingLogin {
  MessageId id{};
  bool was_due = false;  // an attempt was recorded: its period is over
};

struct SealedLogin {
  MessageId id{};
  std::string sealed;
};

class Reader {
 public:
  virtual ~Reader() = default;

  // At start.
  virtual Uptime uptime() = 0;
  virtual Epoch epoch() = 0;                                                     // highest in use
  virtual void unsettled(const std::function<void(const Unsettled&)>& row) = 0;  // by id
  virtual void origins(const std::function<void(const Origin&)>& row) = 0;       // by id
  virtual void active_baits(const std::function<void(const BaitRow&)>& row) = 0;
  virtual void logins(const std::function<void(const LoginRow&)>& row) = 0;  // by id
  // Those that have no credentials stored: unsettled messages of `listener` that must be delivered
  // as `login`. At most `limit`, by id.
  virtual std::vector<AwaitingLogin> awaiting_login(std::string_view listener,
                                                    std::string_view login,
                                                    std::uint32_t limit) = 0;
  // Those that have: likewise, with ids above `after`.
  virtual std::vector<SealedLogin> sealed_logins(std::string_view listener, std::string_view login,
                                                 MessageId after, std::uint32_t limit) = 0;

  // Messages.
  virtual std::optional<MessageView> message(MessageId id) = 0;
  virtual std::vector<MessageView> messages(const MessageFilter& filter) = 0;  // by id
  // The content from `offset`, at most buffer.size() octets; returns how many, 0 at the end or if
  // there is none.
  virtual std::size_t body(MessageId id, std::uint64_t offset, std::span<char> buffer) = 0;

  // Control state, newest first where a limit applies.
  virtual std::optional<Origin> origin(OriginId id) = 0;
  virtual std::optional<OriginId> origin_by_identifier(std::string_view value) = 0;  // in force now
  virtual std::optional<Alert> alert(AlertId id) = 0;
  virtual std::vector<Alert> alerts(std::uint32_t limit) = 0;
  virtual std::vector<Alert> untold_alerts() = 0;  // no MarkTold yet; by id
  virtual std::optional<Cordon> cordon(CordonId id) = 0;
  virtual std::vector<Cordon> cordons(bool also_lifted, std::uint32_t limit) = 0;
  virtual std::vector<TranscriptLine> transcript(CordonId id, std::uint32_t limit) = 0;  // in order
  virtual std::vector<Warning> warnings(std::optional<AlertId> alert, std::uint32_t limit) = 0;
  virtual std::vector<BaitRow> baits(bool also_retired, BaitId after,
                                     std::uint32_t limit) = 0;  // by id
  virtual std::vector<AuditEntry> audit(std::uint32_t limit) = 0;

  // Revocation (BESIDES 4.3). Records of `origin` since `since`, committed (or uncertain) before
  // epoch's cordon was raised or since; by recipient, then message. Only recipients above `after`
  // (normal form: the mailbox with domain in lower case), whole recipients, about `limit` records.
  virtual std::vector<RevocationRecord> revocations(OriginId origin, WallTime since,
                                                    std::string_view after,
                                                    std::uint32_t limit) = 0;
  // Those of one recipient (normal form), by message.
  virtual std::vector<RevocationRecord> revocations_to(OriginId origin, std::string_view recipient,
                                                       WallTime since) = 0;
  virtual std::uint64_t count_committed(OriginId origin, WallTime since) = 0;  // messages
  virtual std::uint32_t warnings_sent(AlertId alert) = 0;  // pending and queued ones
  virtual std::uint32_t warnings_to(std::string_view recipient, WallTime since) = 0;

  // Every sender and recipient mailbox of mail accepted since `since`, with repeats allowed.
  virtual void seen_mailboxes(WallTime since,
                              const std::function<void(const smtp::Mailbox&)>& row) = 0;
};

class Store {
 public:
  using Done = std::function<void(const Answer&)>;

  virtual ~Store() = default;  // waits for what was submitted

  virtual void submit(Batch batch, Done done) = 0;

  // Fresh identifiers. Any thread; they never wait. Nothing is ever stored under one that something
  // was stored under before, also after a crash.
  virtual MessageId next_message_id() = 0;
  virtual OriginId next_origin_id() = 0;
  virtual AlertId next_alert_id() = 0;
  virtual CordonId next_cordon_id() = 0;
  virtual WarningId next_warning_id() = 0;
  virtual BaitId next_bait_id() = 0;

  virtual std::unique_ptr<Reader> reader() = 0;  // any thread; the Reader belongs to one thread

  virtual std::string gateway_id() const = 0;  // random, made with the database

  // Space kept back for alerts. release_reserve() frees it when a store is full; keep_reserve()
  // takes it again and says whether that worked.
  virtual void release_reserve() = 0;
  virtual bool keep_reserve() = 0;
};

}  // namespace cordon::store
