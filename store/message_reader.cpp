#include <algorithm>
#include <cstring>

#include "store/commands.h"
#include "store/mailbox_text.h"
#include "store/reader_sql.h"
#include "store/sqlite_reader.h"

namespace cordon::store {
namespace {

constexpr std::int64_t stretch = 4096;  // message ids read in one go by seen_mailboxes()

smtp::Mailbox mailbox_at(const Query& row, int column) {
  const auto domain = row.is_null(column + 1) ? std::nullopt : std::optional(row.text(column + 1));
  return read_mailbox(row.text(column), domain);
}

void read_digest(Digest& digest, std::string_view bytes) {
  std::memcpy(digest.data(), bytes.data(), std::min(digest.size(), bytes.size()));
}

smtp::Envelope read_envelope(const Query& row) {
  smtp::Envelope envelope;
  envelope.sender.null = row.is_null(13);
  if (!envelope.sender.null) envelope.sender.mailbox = mailbox_at(row, 13);
  envelope.declared_size = row.as<std::optional<std::uint64_t>>(15);
  envelope.body = row.as<smtp::BodyType>(16);
  envelope.smtputf8 = row.flag(17);
  envelope.ret = row.as<smtp::DsnReturn>(18);
  envelope.envid = row.string(19);
  return envelope;
}

MessageView read_message(const Query& row) {
  MessageView view;
  Message& m = view.message;
  m.id = row.as<MessageId>(0);
  m.kind = row.as<MessageKind>(1);
  m.state = row.as<MessageState>(2);
  m.origin = row.as<OriginId>(3);
  m.listener = row.string(4);
  m.session = row.string(5);
  m.accepted_at = row.as<WallTime>(6);
  m.accepted_up = row.as<Uptime>(7);
  m.due = row.as<Uptime>(8);
  m.clearance = row.integer(9);
  m.quarantined_by = row.as<AlertId>(10);
  m.frozen = row.flag(11);
  m.attempts = row.as<std::uint32_t>(12);
  m.envelope = read_envelope(row);
  m.trace = row.string(20);
  m.octets = row.as<std::uint64_t>(21);
  read_digest(m.digest, row.text(22));
  m.subject = row.string(23);
  m.message_id = row.string(24);
  m.references = row.string(25);
  m.client = row.string(26);
  m.login = row.string(27);
  view.origin_label = row.string(28);
  view.quarantined = row.flag(29);
  view.sealed = row.string(30);
  return view;
}

std::optional<bool> in_quarantine(MessageFilter::Which which) {
  if (which == MessageFilter::Which::all) return std::nullopt;
  return which == MessageFilter::Which::quarantine;
}

// The ranges of ids (above, up to) that the filter allows, in order.
std::vector<std::pair<std::int64_t, std::int64_t>> id_ranges(const MessageFilter& filter) {
  const auto after = static_cast<std::int64_t>(filter.after);
  if (filter.ids.empty()) return {{after, INT64_MAX}};
  std::vector<MessageId> ids = filter.ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  for (const MessageId message : ids) {
    const auto id = static_cast<std::int64_t>(message);
    if (id > after) ranges.emplace_back(id - 1, id);
  }
  return ranges;
}

RevocationRecord read_revocation(Query& row, OriginId origin) {
  RevocationRecord record;
  record.recipient = row.string(0);
  record.message = row.as<MessageId>(1);
  record.origin = origin;
  record.committed_at = row.as<WallTime>(2);
  record.certain = row.flag(3);
  record.accepted_at = row.as<WallTime>(4);
  record.sender = row.string(5);
  record.subject = row.string(6);
  record.message_id = row.string(7);
  record.references = row.string(8);
  read_digest(record.digest, row.text(9));
  return record;
}

}  // namespace

MessageReader::MessageReader(Database& db, const std::filesystem::path& directory)
    : db_(db), bodies_(db, directory) {}

std::optional<MessageView> MessageReader::message(MessageId id) {
  const Transaction transaction(db_, Transaction::Kind::read);
  std::optional<MessageView> view;
  {
    Query row = db_.query(sql::one_message);
    if (!row.with(id).step()) return std::nullopt;
    view = read_message(row);
  }
  add_recipients(*view);
  return view;
}

std::vector<MessageView> MessageReader::messages(const MessageFilter& filter) {
  const MailboxPattern sender = mailbox_pattern(filter.sender);
  const MailboxPattern recipient = mailbox_pattern(filter.recipient);
  const bool all = filter.which == MessageFilter::Which::all;
  std::vector<MessageView> found;
  const Transaction transaction(db_, Transaction::Kind::read);
  for (const auto& [above, up_to] : id_ranges(filter)) {
    if (found.size() >= filter.limit) break;
    Query row = db_.query(all ? sql::any_messages : sql::unsettled_messages);
    row.with(above, up_to, filter.origin, sender.whole, sender.suffix, recipient.whole,
             recipient.suffix, filter.alert, filter.accepted_before, filter.accepted_after,
             in_quarantine(filter.which), filter.limit - found.size());
    while (row.step()) found.push_back(read_message(row));
  }
  for (MessageView& view : found) add_recipients(view);
  return found;
}

void MessageReader::add_recipients(MessageView& view) {
  Query row = db_.query(sql::recipients);
  row.with(view.message.id);
  while (row.step()) {
    smtp::Recipient recipient;
    recipient.mailbox = mailbox_at(row, 0);
    recipient.notify = row.as<std::uint8_t>(2);
    recipient.orcpt = row.string(3);
    view.message.envelope.recipients.push_back(std::move(recipient));
    RecipientStatus status;
    status.index = static_cast<std::uint32_t>(view.recipients.size());
    status.state = row.as<RecipientState>(4);
    status.last_reply = row.string(5);
    status.settled_at = row.as<std::optional<WallTime>>(6);
    status.delay_told = row.flag(7);
    view.recipients.push_back(std::move(status));
  }
}

void MessageReader::unsettled(const std::function<void(const Unsettled&)>& row) {
  Query query = db_.query(sql::unsettled);
  while (query.step()) {
    Unsettled u;
    u.id = query.as<MessageId>(0);
    u.kind = query.as<MessageKind>(1);
    u.state = query.as<MessageState>(2);
    u.origin = query.as<OriginId>(3);
    u.due = query.as<Uptime>(4);
    u.accepted_up = query.as<Uptime>(5);
    u.clearance = query.integer(6);
    u.quarantined_alone = query.integer(7) != 0;
    u.frozen = query.flag(8);
    u.attempts = query.as<std::uint32_t>(9);
    u.listener = query.text(10);
    row(u);
  }
}

std::vector<AwaitingLogin> MessageReader::awaiting_login(std::string_view listener,
                                                         std::string_view login,
                                                         std::uint32_t limit) {
  std::vector<AwaitingLogin> found;
  Query query = db_.query(sql::awaiting_login);
  query.with(listener, login, limit);
  while (query.step()) found.push_back({query.as<MessageId>(0), query.flag(1)});
  return found;
}

std::vector<SealedLogin> MessageReader::sealed_logins(std::string_view listener,
                                                      std::string_view login, MessageId after,
                                                      std::uint32_t limit) {
  std::vector<SealedLogin> found;
  Query query = db_.query(sql::sealed_logins);
  query.with(listener, login, after, limit);
  while (query.step()) found.push_back({query.as<MessageId>(0), query.string(1)});
  return found;
}

void MessageReader::logins(const std::function<void(const LoginRow&)>& row) {
  Query query = db_.query(sql::logins);
  while (query.step()) {
    row({query.as<MessageId>(0), query.string(1), query.string(2), query.flag(3)});
  }
}

std::vector<RevocationRecord> MessageReader::revocations(OriginId origin, WallTime since,
                                                         std::string_view after,
                                                         std::uint32_t limit) {
  std::vector<RevocationRecord> records;
  Query row = db_.query(sql::revocations);
  row.with(origin, after, since);
  while (row.step()) {
    const std::string_view recipient = row.text(0);
    // A recipient is given whole, so the limit holds only between two.
    if (records.size() >= limit && (records.empty() || records.back().recipient != recipient))
      break;
    records.push_back(read_revocation(row, origin));
  }
  return records;
}

std::vector<RevocationRecord> MessageReader::revocations_to(OriginId origin,
                                                            std::string_view recipient,
                                                            WallTime since) {
  std::vector<RevocationRecord> records;
  Query row = db_.query(sql::revocations_to);
  row.with(origin, recipient, since);
  while (row.step()) records.push_back(read_revocation(row, origin));
  return records;
}

void MessageReader::seen_mailboxes(WallTime since,
                                   const std::function<void(const smtp::Mailbox&)>& row) {
  const std::int64_t highest = db_.value(sql::highest_message);
  for (std::int64_t above = 0; above < highest; above += stretch) {
    {
      // Identifiers have gaps: go on at the next message there is.
      Query next = db_.query(sql::next_message);
      next.with(above).step();
      above = std::max(above, next.integer(0) - 1);
    }
    for (const char* statement : {sql::senders_seen, sql::recipients_seen}) {
      Query mailbox = db_.query(statement);
      mailbox.with(above, above + stretch, since);
      while (mailbox.step()) row(mailbox_at(mailbox, 0));
    }
  }
}

}  // namespace cordon::store
