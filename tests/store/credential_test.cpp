// What the store keeps of credentials: a sealed text beside an unsettled message, and no longer.
#include "fixture.h"
#include "store/sqlite.h"

namespace cordon::store {
namespace {

using namespace std::string_literals;

const std::string sealed = "\0sealed\xff\0"s;

Accept plain_as(Store& store, std::string login) {
  Accept accept = plain(store);
  accept.message.login = std::move(login);
  return accept;
}

MessageId accept_sealed(Store& store, std::string login = "ann") {
  const Accept accept = plain_as(store, std::move(login));
  const MessageId id = accept.message.id;
  REQUIRE(run(store, accept, SealCredentials{id, sealed}).ok());
  return id;
}

std::string sealed_of(Store& store, MessageId id) { return store.reader()->message(id)->sealed; }

TEST_CASE("sealed credentials come in with their message, octet by octet, and outlive a restart") {
  const TemporaryDirectory directory;
  MessageId id{};
  {
    const auto store = directory.open();
    id = accept_sealed(*store);
    accept_plain(*store);
  }
  const auto store = directory.open();
  CHECK(sealed_of(*store, id) == sealed);
  const auto views = store->reader()->messages({});
  REQUIRE(views.size() == 2);
  CHECK(views[0].sealed == sealed);
  CHECK(views[1].sealed.empty());
}

TEST_CASE("sealing again replaces what was there") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId id = accept_sealed(*store);
  REQUIRE(run(*store, SealCredentials{id, "newer"}).ok());
  CHECK(sealed_of(*store, id) == "newer");
}

TEST_CASE("credentials of no unsettled message are a fault, and leave nothing") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const Accept accept = plain(*store);
  CHECK(run(*store, SealCredentials{accept.message.id, sealed}, accept).error == StoreError::fault);
  CHECK(found(*store, {}).empty());
  const MessageId gone = accept_plain(*store);
  deliver(*store, gone);
  CHECK(run(*store, SealCredentials{gone, sealed}).error == StoreError::fault);
  CHECK(sealed_of(*store, gone).empty());
}

TEST_CASE("nothing at all is no credentials") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId id = accept_plain(*store);
  CHECK(run(*store, SealCredentials{id, ""}).error == StoreError::fault);
  CHECK(store->reader()->message(id)->sealed.empty());
}

TEST_CASE("credentials are dropped by name; those that have none are left alone") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId first = accept_sealed(*store);
  const MessageId second = accept_sealed(*store);
  const MessageId kept = accept_sealed(*store);
  const MessageId none = accept_plain(*store);
  REQUIRE(run(*store, DropCredentials{{none, second, MessageId{999}, first, first}}).ok());
  CHECK(sealed_of(*store, first).empty());
  CHECK(sealed_of(*store, second).empty());
  CHECK(sealed_of(*store, kept) == sealed);
  CHECK(store->reader()->message(first)->message.login == "ann");
}

TEST_CASE("whatever settles a message drops its credentials, and nothing else does") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  using enum RecipientState;
  const MessageId id = accept_sealed(*store);
  SUBCASE("delivered") { deliver(*store, id); }
  SUBCASE("failed") { REQUIRE(run(*store, Claim{{id}}, attempt(id, {failed})).ok()); }
  SUBCASE("suppressed") { REQUIRE(run(*store, attempt(id, {suppressed})).ok()); }
  SUBCASE("deleted") { REQUIRE(run(*store, DeleteMessage{id}).ok()); }
  CHECK(sealed_of(*store, id).empty());

  const MessageId waiting = accept_sealed(*store);
  REQUIRE(run(*store, Claim{{waiting}}, attempt(waiting, {pending})).ok());
  REQUIRE(run(*store, Claim{{waiting}}, MarkUncertain{waiting}).ok());
  REQUIRE(run(*store, Claim{{waiting}}, Unclaim{waiting}, Freeze{waiting, true}).ok());
  REQUIRE(run(*store, Release{waiting, up(1)}).ok());
  CHECK(sealed_of(*store, waiting) == sealed);
}

TEST_CASE("no row of a settled message is left in the database") {
  const TemporaryDirectory directory;
  {
    const auto store = directory.open();
    deliver(*store, accept_sealed(*store));
    REQUIRE(run(*store, DeleteMessage{accept_sealed(*store)}).ok());
    accept_sealed(*store);
  }
  Database db(directory.database().string(), SQLITE_OPEN_READONLY);
  CHECK(db.value("SELECT count(*) FROM credential") == 1);
}

TEST_CASE("each unsettled message with a login or credentials is told once, by id") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  accept_plain(*store);
  const MessageId first = accept_sealed(*store, "ann");
  deliver(*store, accept_sealed(*store, "ann"));
  Accept other = plain_as(*store, "bob@example.net");
  other.message.listener = "relay";
  const MessageId second = other.message.id;
  REQUIRE(run(*store, other, Claim{{first}}).ok());
  const MessageId nameless = accept_sealed(*store, "");
  std::vector<LoginRow> rows;
  store->reader()->logins([&](const LoginRow& row) { rows.push_back(row); });
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].id == first);
  CHECK(rows[0].listener == "submission");
  CHECK(rows[0].login == "ann");
  CHECK(rows[0].sealed);
  CHECK(rows[1].id == second);
  CHECK(rows[1].listener == "relay");
  CHECK(rows[1].login == "bob@example.net");
  CHECK_FALSE(rows[1].sealed);
  CHECK(rows[2].id == nameless);
  CHECK(rows[2].login.empty());
  CHECK(rows[2].sealed);
}

TEST_CASE("who logs in again finds what waits for exactly that login") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const auto waiting = [&](std::string_view login, std::uint32_t limit = 10) {
    std::vector<std::pair<MessageId, bool>> found;
    for (const auto& row : store->reader()->awaiting_login("submission", login, limit))
      found.emplace_back(row.id, row.was_due);
    return found;
  };
  accept_sealed(*store, "ann");
  const MessageId tried = accept_sealed(*store, "ann");
  const MessageId fresh = accept_sealed(*store, "ann");
  const MessageId bobs = accept_sealed(*store, "bob");
  const MessageId gone = accept_sealed(*store, "ann");
  accept_plain(*store);
  Accept elsewhere = plain_as(*store, "ann");
  elsewhere.message.listener = "relay";
  REQUIRE(run(*store, elsewhere).ok());
  CHECK(waiting("ann").empty());

  REQUIRE(run(*store, Claim{{tried}}, attempt(tried, {RecipientState::pending})).ok());
  REQUIRE(run(*store, DropCredentials{{tried, fresh, bobs, gone}}, DeleteMessage{gone}).ok());
  CHECK(waiting("ann") == std::vector<std::pair<MessageId, bool>>{{tried, true}, {fresh, false}});
  CHECK(waiting("ann", 1).size() == 1);
  CHECK(waiting("bob") == std::vector<std::pair<MessageId, bool>>{{bobs, false}});
  CHECK(waiting("").empty());
  REQUIRE(run(*store, SealCredentials{tried, sealed}).ok());
  CHECK(waiting("ann") == std::vector<std::pair<MessageId, bool>>{{fresh, false}});
}

TEST_CASE("what is sealed for a login is found page by page") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const auto found = [&](std::string_view login, MessageId after, std::uint32_t limit) {
    std::vector<MessageId> ids;
    for (const auto& row : store->reader()->sealed_logins("submission", login, after, limit)) {
      CHECK(row.sealed == sealed);
      ids.push_back(row.id);
    }
    return ids;
  };
  const MessageId one = accept_sealed(*store, "ann");
  const MessageId needing = accept_sealed(*store, "ann");
  accept_sealed(*store, "bob");
  const MessageId gone = accept_sealed(*store, "ann");
  const MessageId two = accept_sealed(*store, "ann");
  REQUIRE(run(*store, DropCredentials{{needing}}, DeleteMessage{gone}).ok());
  CHECK(found("ann", {}, 10) == std::vector{one, two});
  CHECK(found("ann", {}, 1) == std::vector{one});
  CHECK(found("ann", one, 10) == std::vector{two});
  CHECK(found("ann", two, 10).empty());
  CHECK(found("", {}, 10).empty());
}

}  // namespace
}  // namespace cordon::store
