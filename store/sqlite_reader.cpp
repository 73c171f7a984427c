#include "store/sqlite_reader.h"

#include "store/opening.h"
#include "store/reader_sql.h"

namespace cordon::store {
namespace {

Origin read_origin(const Query& row) {
  Origin origin;
  origin.id = row.as<OriginId>(0);
  origin.label = row.string(1);
  origin.first_seen = row.as<WallTime>(2);
  origin.last_seen = row.as<WallTime>(3);
  origin.cordon_epoch = row.integer(4);
  return origin;
}

Alert read_alert(const Query& row) {
  Alert alert;
  alert.id = row.as<AlertId>(0);
  alert.at = row.as<WallTime>(1);
  alert.origin = row.as<OriginId>(2);
  alert.bait = row.as<BaitId>(3);
  alert.bait_kind = row.as<baits::BaitKind>(4);
  alert.place = row.as<ViolationPlace>(5);
  alert.response = row.as<Response>(6);
  alert.listener = row.string(7);
  alert.session = row.string(8);
  alert.reason = row.string(9);
  alert.message = row.as<MessageId>(10);
  alert.cordon = row.as<CordonId>(11);
  alert.hits = row.as<std::uint32_t>(12);
  return alert;
}

Cordon read_cordon(const Query& row) {
  Cordon cordon;
  cordon.id = row.as<CordonId>(0);
  cordon.kind = row.as<CordonKind>(1);
  cordon.origin = row.as<OriginId>(2);
  cordon.alert = row.as<AlertId>(3);
  cordon.epoch = row.integer(4);
  cordon.previous_epoch = row.integer(5);
  cordon.raised_at = row.as<WallTime>(6);
  cordon.raised_up = row.as<Uptime>(7);
  cordon.lifted_at = row.as<std::optional<WallTime>>(8);
  cordon.withdrawn = row.flag(9);
  cordon.warnings_done = row.flag(10);
  cordon.warning_cursor = row.string(11);
  cordon.quarantined = row.as<std::uint64_t>(12);
  cordon.committed_before = row.as<std::uint64_t>(13);
  return cordon;
}

Warning read_warning(const Query& row) {
  Warning warning;
  warning.id = row.as<WarningId>(0);
  warning.alert = row.as<AlertId>(1);
  warning.recipient = row.string(2);
  warning.certain = row.flag(3);
  warning.state = row.as<WarningState>(4);
  warning.reason = row.string(5);
  warning.notice = row.as<MessageId>(6);
  warning.at = row.as<WallTime>(7);
  return warning;
}

BaitRow read_bait(const Query& row) {
  BaitRow bait;
  bait.bait.id = row.as<BaitId>(0);
  bait.bait.kind = row.as<baits::BaitKind>(1);
  bait.bait.value = row.string(2);
  bait.bait.label = row.string(3);
  bait.added_at = row.as<WallTime>(4);
  bait.retired_at = row.as<std::optional<WallTime>>(5);
  bait.retired_why = row.string(6);
  bait.hits = row.as<std::uint64_t>(7);
  return bait;
}

template <typename T>
std::vector<T> rows(Query& query, T (*read)(const Query&)) {
  std::vector<T> all;
  while (query.step()) all.push_back(read(query));
  return all;
}

template <typename T>
std::optional<T> first(Query& query, T (*read)(const Query&)) {
  if (!query.step()) return std::nullopt;
  return read(query);
}

class SqliteReader final : public Reader {
 public:
  explicit SqliteReader(const std::filesystem::path& directory)
      : db_(directory / database_name, SQLITE_OPEN_READONLY), messages_(db_, directory) {}

  Uptime uptime() override { return Uptime(Uptime::duration(db_.value(sql::uptime))); }
  Epoch epoch() override { return db_.value(sql::highest_epoch); }
  void unsettled(const std::function<void(const Unsettled&)>& row) override {
    messages_.unsettled(row);
  }
  void origins(const std::function<void(const Origin&)>& row) override;
  void active_baits(const std::function<void(const BaitRow&)>& row) override;
  void logins(const std::function<void(const LoginRow&)>& row) override { messages_.logins(row); }
  std::vector<AwaitingLogin> awaiting_login(std::string_view listener, std::string_view login,
                                            std::uint32_t limit) override {
    return messages_.awaiting_login(listener, login, limit);
  }
  std::vector<SealedLogin> sealed_logins(std::string_view listener, std::string_view login,
                                         MessageId after, std::uint32_t limit) override {
    return messages_.sealed_logins(listener, login, after, limit);
  }

  std::optional<MessageView> message(MessageId id) override { return messages_.message(id); }
  std::vector<MessageView> messages(const MessageFilter& filter) override {
    return messages_.messages(filter);
  }
  std::size_t body(MessageId id, std::uint64_t offset, std::span<char> buffer) override {
    return messages_.body(id, offset, buffer);
  }

  std::optional<Origin> origin(OriginId id) override;
  std::optional<OriginId> origin_by_identifier(std::string_view value) override;
  std::optional<Alert> alert(AlertId id) override {
    return first(db_.query(sql::one_alert).with(id), read_alert);
  }
  std::vector<Alert> alerts(std::uint32_t limit) override {
    return rows(db_.query(sql::newest_alerts).with(limit), read_alert);
  }
  std::vector<Alert> untold_alerts() override {
    return rows(db_.query(sql::untold_alerts).with(), read_alert);
  }
  std::optional<Cordon> cordon(CordonId id) override {
    return first(db_.query(sql::one_cordon).with(id), read_cordon);
  }
  std::vector<Cordon> cordons(bool also_lifted, std::uint32_t limit) override {
    return rows(db_.query(sql::newest_cordons).with(also_lifted, limit), read_cordon);
  }
  std::vector<TranscriptLine> transcript(CordonId id, std::uint32_t limit) override;
  std::vector<Warning> warnings(std::optional<AlertId> alert, std::uint32_t limit) override;
  std::vector<BaitRow> baits(bool also_retired, BaitId after, std::uint32_t limit) override {
    return rows(db_.query(sql::baits_after).with(after, also_retired, limit), read_bait);
  }
  std::vector<AuditEntry> audit(std::uint32_t limit) override;

  std::vector<RevocationRecord> revocations(OriginId origin, WallTime since, std::string_view after,
                                            std::uint32_t limit) override {
    return messages_.revocations(origin, since, after, limit);
  }
  std::vector<RevocationRecord> revocations_to(OriginId origin, std::string_view recipient,
                                               WallTime since) override {
    return messages_.revocations_to(origin, recipient, since);
  }
  std::uint64_t count_committed(OriginId origin, WallTime since) override;
  std::uint32_t warnings_sent(AlertId alert) override {
    Query row = db_.query(sql::warnings_sent);
    row.with(alert).step();
    return row.as<std::uint32_t>(0);
  }
  std::uint32_t warnings_to(std::string_view recipient, WallTime since) override;
  void seen_mailboxes(WallTime since,
                      const std::function<void(const smtp::Mailbox&)>& row) override {
    messages_.seen_mailboxes(since, row);
  }

 private:
  void add_identifiers(Origin& origin);

  Database db_;
  MessageReader messages_;
};

void SqliteReader::add_identifiers(Origin& origin) {
  Query row = db_.query(sql::identifiers);
  row.with(origin.id);
  while (row.step()) {
    origin.identifiers.push_back({row.as<IdentifierKind>(0), row.string(1), row.as<WallTime>(2),
                                  row.as<std::optional<WallTime>>(3)});
  }
}

void SqliteReader::origins(const std::function<void(const Origin&)>& row) {
  const Transaction transaction(db_, Transaction::Kind::read);
  Query query = db_.query(sql::all_origins);
  while (query.step()) {
    Origin origin = read_origin(query);
    add_identifiers(origin);
    row(origin);
  }
}

void SqliteReader::active_baits(const std::function<void(const BaitRow&)>& row) {
  Query query = db_.query(sql::active_baits);
  while (query.step()) row(read_bait(query));
}

std::optional<Origin> SqliteReader::origin(OriginId id) {
  const Transaction transaction(db_, Transaction::Kind::read);
  std::optional<Origin> origin = first(db_.query(sql::one_origin).with(id), read_origin);
  if (origin) add_identifiers(*origin);
  return origin;
}

std::optional<OriginId> SqliteReader::origin_by_identifier(std::string_view value) {
  Query query = db_.query(sql::origin_by_identifier);
  if (!query.with(value).step()) return std::nullopt;
  return query.as<OriginId>(0);
}

std::vector<TranscriptLine> SqliteReader::transcript(CordonId id, std::uint32_t limit) {
  std::vector<TranscriptLine> lines;
  Query row = db_.query(sql::transcript);
  row.with(id, limit);
  while (row.step()) {
    lines.push_back({id, row.string(0), row.as<WallTime>(1), row.flag(2), row.string(3)});
  }
  return lines;
}

std::vector<Warning> SqliteReader::warnings(std::optional<AlertId> alert, std::uint32_t limit) {
  if (alert) return rows(db_.query(sql::warnings_of_alert).with(limit, *alert), read_warning);
  return rows(db_.query(sql::newest_warnings).with(limit), read_warning);
}

std::vector<AuditEntry> SqliteReader::audit(std::uint32_t limit) {
  std::vector<AuditEntry> entries;
  Query row = db_.query(sql::newest_audit);
  row.with(limit);
  while (row.step()) {
    entries.push_back({row.integer(0), row.as<WallTime>(1), row.integer(2), row.string(3),
                       row.string(4), row.string(5), row.string(6)});
  }
  return entries;
}

std::uint64_t SqliteReader::count_committed(OriginId origin, WallTime since) {
  Query query = db_.query(sql::count_committed);
  query.with(origin, since).step();
  return query.as<std::uint64_t>(0);
}

std::uint32_t SqliteReader::warnings_to(std::string_view recipient, WallTime since) {
  Query query = db_.query(sql::warnings_to);
  query.with(recipient, since).step();
  return query.as<std::uint32_t>(0);
}

}  // namespace

std::unique_ptr<Reader> make_sqlite_reader(const std::filesystem::path& directory) {
  return std::make_unique<SqliteReader>(directory);
}

}  // namespace cordon::store
