#include "power_loss_workload.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "power_loss_words.h"

namespace cordon::store::disk {
namespace {

constexpr std::size_t kib = 1024;

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }
Uptime up(std::int64_t seconds) { return Uptime(std::chrono::seconds(seconds)); }

std::string any_content(std::size_t octets, Random& random) {
  std::string content(octets, '\0');
  for (std::size_t i = 0; i < octets; i += sizeof(std::uint64_t)) {
    const std::uint64_t value = random();
    std::memcpy(&content[i], &value, std::min(sizeof value, octets - i));
  }
  return content;
}

Message any_message(MessageId id, OriginId origin, std::size_t octets, std::size_t recipients,
                    Random& random) {
  Message m;
  m.id = id;
  m.origin = origin;
  m.listener = "clients";
  m.session = "s" + std::to_string(below(random, 1000));
  m.accepted_at = at(1000 + static_cast<std::int64_t>(below(random, 1000)));
  m.accepted_up = up(10);
  m.due = up(70);
  m.envelope.sender = {false, {"sender" + std::to_string(below(random, 10)), "client.example"}};
  for (std::size_t i = 0; i < recipients; ++i) {
    m.envelope.recipients.push_back({{"rcpt" + std::to_string(i), "example.net"}, 0, ""});
  }
  m.octets = octets;
  m.subject = "message " + std::to_string(static_cast<std::int64_t>(id));
  for (auto& octet : m.digest) octet = static_cast<std::uint8_t>(below(random, 256));
  return m;
}

}  // namespace

Deed together(Deed one, Deed other) {
  std::move(other.batch.begin(), other.batch.end(), std::back_inserter(one.batch));
  std::move(other.changes.begin(), other.changes.end(), std::back_inserter(one.changes));
  return one;
}

std::size_t Workload::any_size() {
  const std::uint64_t kind = below(random_, 100);
  if (kind < 65) return 512 + below(random_, 8 * kib);
  if (kind < 90) return 8 * kib + below(random_, 56 * kib);
  return 64 * kib + below(random_, 236 * kib);
}

Deed Workload::new_origin(Store& store) {
  Origin origin;
  origin.id = store.next_origin_id();
  origin.label = "192.0.2." + std::to_string(origins_.size());
  origin.first_seen = origin.last_seen = at(500);
  origin.identifiers = {{IdentifierKind::ipv4, origin.label, at(500), {}}};
  const Thing thing = ledger_.add(ThingKind::origin, static_cast<std::int64_t>(origin.id),
                                  [id = origin.id](Reader& r) { return look_at_origin(r, id); });
  origins_.push_back({origin, thing});
  return {{AddOrigin{origin}}, {{thing, words_of(origin)}}};
}

Deed Workload::new_bait(Store& store) {
  BaitRow row;
  row.bait.id = store.next_bait_id();
  row.bait.value = "bait" + std::to_string(static_cast<std::int64_t>(row.bait.id)) + "@example.org";
  row.added_at = at(600);
  const Thing thing = ledger_.add(ThingKind::bait, static_cast<std::int64_t>(row.bait.id),
                                  [id = row.bait.id](Reader& r) { return look_at_bait(r, id); });
  return {{AddBaits{{row}}}, {{thing, words_of(row)}}};
}

Arrival Workload::new_mail(Store& store, std::size_t octets, std::size_t recipients) {
  const OriginId origin = origins_[below(random_, origins_.size())].origin.id;
  const MessageId id = store.next_message_id();
  Arrival arrival;
  Mail& mail = arrival.mail;
  mail.content = std::make_shared<const std::string>(any_content(octets, random_));
  mail.expected.message = any_message(id, origin, octets, recipients, random_);
  mail.expected.recipients.resize(recipients);
  mail.thing = ledger_.add(
      ThingKind::message, static_cast<std::int64_t>(id),
      [id, content = mail.content](Reader& r) { return look_at_message(r, id, *content); });

  Accept accept;
  accept.message = mail.expected.message;
  std::size_t begin = 0;
  for (; begin + max_body_piece < octets; begin += max_body_piece) {
    AppendBody piece{id, accept.piece++, mail.content->substr(begin, max_body_piece)};
    arrival.deeds.push_back({{std::move(piece)}, {}});
  }
  accept.bytes = mail.content->substr(begin);
  arrival.deeds.push_back({{std::move(accept)}, {{mail.thing, words_of(mail.expected, "whole")}}});
  return arrival;
}

Deed Workload::changed(Mail& mail, Command command) {
  const bool settled = mail.expected.message.state > MessageState::uncertain;
  return {{std::move(command)},
          {{mail.thing, words_of(mail.expected, settled ? "none" : "whole")}}};
}

Deed Workload::claim(Mail& mail) {
  mail.expected.message.state = MessageState::claimed;
  return changed(mail, Claim{{mail.expected.message.id}});
}

Deed Workload::attempt(Mail& mail, const std::vector<RecipientState>& states) {
  Message& m = mail.expected.message;
  RecordAttempt record{m.id, at(5000), m.due + std::chrono::seconds(60), {}, true};
  bool pending = false;
  bool delivered = false;
  for (std::size_t i = 0; i < states.size(); ++i) {
    RecipientStatus& status = mail.expected.recipients[i];
    if (status.state == RecipientState::pending) {
      status.state = states[i];
      status.last_reply = "reply " + std::to_string(m.attempts);
      const bool tell = m.attempts % 2 == 0;
      status.delay_told = status.delay_told || tell;
      record.results.push_back({static_cast<std::uint32_t>(i), states[i], status.last_reply, tell});
    }
    pending = pending || status.state == RecipientState::pending;
    delivered = delivered || status.state == RecipientState::delivered;
  }
  m.due = record.due;
  ++m.attempts;
  m.state = pending     ? MessageState::held
            : delivered ? MessageState::committed
                        : MessageState::failed;
  return changed(mail, std::move(record));
}

Deed Workload::deliver(Mail& mail) {
  return attempt(mail, std::vector(mail.expected.recipients.size(), RecipientState::delivered));
}

Deed Workload::defer(Mail& mail) {
  std::vector states(mail.expected.recipients.size(), RecipientState::pending);
  if (states.size() > 1) states.front() = RecipientState::delivered;
  return attempt(mail, states);
}

Deed Workload::refuse(Mail& mail) {
  return attempt(mail, std::vector(mail.expected.recipients.size(), RecipientState::failed));
}

Deed Workload::lose_track(Mail& mail) {
  mail.expected.message.state = MessageState::uncertain;
  return changed(mail, MarkUncertain{mail.expected.message.id});
}

Deed Workload::freeze(Mail& mail) {
  bool& frozen = mail.expected.message.frozen;
  frozen = !frozen;
  return changed(mail, Freeze{mail.expected.message.id, frozen});
}

Deed Workload::remove(Mail& mail) {
  mail.expected.message.state = MessageState::deleted;
  return changed(mail, DeleteMessage{mail.expected.message.id});
}

Deed Workload::raise(Store& store) {
  OriginKept& origin = origins_.back();
  Worm worm;
  worm.alert.id = store.next_alert_id();
  worm.alert.at = at(3000);
  worm.alert.origin = origin.origin.id;
  worm.alert.response = Response::cordon;
  worm.alert.reason = "a bait was met";
  worm.cordon.id = worm.alert.cordon = store.next_cordon_id();
  worm.cordon.origin = origin.origin.id;
  worm.cordon.alert = worm.alert.id;
  worm.cordon.epoch = ++epoch_;
  worm.cordon.previous_epoch = std::exchange(origin.origin.cordon_epoch, epoch_);
  worm.cordon.raised_at = at(3000);
  worm.cordon.raised_up = up(100);
  const auto look_of = [&](ThingKind kind, auto id, auto look) {
    return ledger_.add(kind, static_cast<std::int64_t>(id),
                       [id, look](Reader& r) { return look(r, id); });
  };
  worm.alert_thing = look_of(ThingKind::alert, worm.alert.id, look_at_alert);
  worm.cordon_thing = look_of(ThingKind::cordon, worm.cordon.id, look_at_cordon);
  worm.warnings_thing = look_of(ThingKind::warnings, worm.alert.id, look_at_warnings);
  worms_.push_back(worm);
  return {{RaiseAlert{worm.alert, worm.cordon}},
          {{worm.alert_thing, words_of(worm.alert)},
           {worm.cordon_thing, words_of(worm.cordon)},
           {origin.thing, words_of(origin.origin)}}};
}

Deed Workload::warn(Store& store) {
  Worm& worm = worms_.back();
  AddWarnings command;
  command.cordon = worm.cordon.id;
  command.after = worm.cordon.warning_cursor;
  for (int i = 0; i < 3; ++i) {
    Warning warning;
    warning.id = store.next_warning_id();
    warning.alert = worm.alert.id;
    warning.recipient = "victim" + std::to_string(worm.warned.size()) + "@example.com";
    warning.at = at(4000);
    worm.warned.push_back(warning.recipient);
    command.warnings.push_back(std::move(warning));
  }
  command.cursor = worm.cordon.warning_cursor = worm.warned.back();
  return {{std::move(command)},
          {{worm.cordon_thing, words_of(worm.cordon)},
           {worm.warnings_thing, words_of_warnings(worm.warned)}}};
}

Deed Workload::lift() {
  Worm& worm = worms_.back();
  OriginKept& origin = origins_.back();
  worm.cordon.lifted_at = at(6000);
  worm.cordon.withdrawn = true;
  origin.origin.cordon_epoch = worm.cordon.previous_epoch;
  return {{LiftCordon{worm.cordon.id, at(6000), true}},
          {{worm.cordon_thing, words_of(worm.cordon)}, {origin.thing, words_of(origin.origin)}}};
}

void Workload::submit(Store& store, Deed deed) {
  ledger_.submit(store, std::move(deed.batch), std::move(deed.changes));
}

void Workload::bring_mail(Store& store) {
  Arrival arrival = new_mail(store, any_size(), 1 + below(random_, 3));
  // Some clients go away in the middle of DATA.
  const bool abandoned = arrival.deeds.size() > 1 && below(random_, 5) == 0;
  if (abandoned) arrival.deeds.pop_back();
  // Now and then a notice of our own is stored in one batch with the mail.
  if (below(random_, 6) == 0 && !abandoned) {
    Arrival notice = new_mail(store, 700);
    arrival.deeds.back() =
        together(std::move(arrival.deeds.back()), std::move(notice.deeds.back()));
    mails_.push_back(std::move(notice.mail));
  }
  for (Deed& deed : arrival.deeds) submit(store, std::move(deed));
  if (!abandoned) {
    mails_.push_back(std::move(arrival.mail));
  } else if (below(random_, 2) == 0) {
    submit(store, {{DropBody{arrival.mail.expected.message.id}}, {}});
  }
}

// What happens to one message next, as its state allows.
Deed Workload::next_for(Mail& mail) {
  const Message& m = mail.expected.message;
  if (m.state == MessageState::claimed) {
    switch (below(random_, 5)) {
      case 0:
        return defer(mail);
      case 1:
        return refuse(mail);
      case 2:
        return lose_track(mail);
      default:
        return deliver(mail);
    }
  }
  const std::uint64_t choice = below(random_, 8);
  if (m.frozen || choice == 0) return freeze(mail);
  // Mail of the origin that is cordoned now and then stays until it is deleted.
  if (m.origin == origins_.back().origin.id || choice == 1) return remove(mail);
  if (choice == 2) {
    Deed claimed = claim(mail);
    return {together(std::move(claimed), deliver(mail)).batch,
            {{mail.thing, words_of(mail.expected, "none")}}};
  }
  return claim(mail);
}

void Workload::change_control_state(Store& store, int round) {
  switch (round % 5) {
    case 0:
      return submit(store, new_bait(store));
    case 1:
      return submit(store, raise(store));
    case 2:
    case 3:
      return submit(store, warn(store));
    default:
      return submit(store, lift());
  }
}

void Workload::run(Store& store, int rounds) {
  while (origins_.size() < 3) submit(store, new_origin(store));
  ledger_.wait();
  for (int round = 0; round < rounds; ++round) {
    const std::size_t waiting = mails_.size();
    for (std::uint64_t arrivals = 2 + below(random_, 3); arrivals > 0; --arrivals) {
      bring_mail(store);
    }
    for (std::size_t i = 0; i < waiting; ++i) {
      if (below(random_, 3) == 0) submit(store, next_for(mails_[i]));
    }
    change_control_state(store, round);
    ledger_.wait();
    std::erase_if(mails_, [](const Mail& mail) {
      return mail.expected.message.state > MessageState::uncertain;
    });
  }
}

}  // namespace cordon::store::disk
