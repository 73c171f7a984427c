// Logins of clients at the real server: whose connection is whose, and what is tried how often.
#include "proxy/login.h"

#include <algorithm>

#include "proxy/refused_logins.h"
#include "smtp/base64.h"
#include "upstream_trial.h"

namespace cordon::proxy {
namespace {

using namespace std::string_literals;

Login login_of(const std::string& user, const std::string& secret,
               const std::string& authorize_as = "") {
  smtp::Credentials credentials;
  credentials.user = user;
  credentials.secret = secret;
  credentials.authorize_as = authorize_as;
  return std::make_shared<const smtp::Credentials>(credentials);
}

const Login anna = login_of("anna", "a-secret");
const Login bert = login_of("bert", "b-secret");
const std::string anna_logs_in = "AUTH PLAIN AGFubmEAYS1zZWNyZXQ=";

// A server that has AUTH in plain, and knows these two.
class LoginTrial : public Trial {
 public:
  explicit LoginTrial(std::uint32_t connections = 20, TellClient tell = TellClient::no)
      : Trial(settings(connections, tell)) {
    server.script = [this](int connection, const std::string& line) -> const char* {
      if (line.starts_with("EHLO")) return offer.c_str();
      if (!line.starts_with("AUTH PLAIN ")) return nullptr;
      const auto told = smtp::decode_base64(line.substr(11));
      if (!told) return "501 what\r\n";
      tries.emplace_back(connection, *told);
      return std::count(known.begin(), known.end(), *told) != 0 ? "235 2.7.0 yes\r\n" : refusal;
    };
  }

  int tried(const std::string& user) const {
    return static_cast<int>(std::count_if(tries.begin(), tries.end(), [&](const auto& one) {
      return one.second.substr(1, user.size()) == user;
    }));
  }
  // Who was logged in on the connection over which mail to that name went.
  std::string user_for(const std::string& local) const {
    for (const auto& [connection, line] : server.lines) {
      if (line.find("<" + local + "@") == std::string::npos) continue;
      for (const auto& [tried, told] : tries)
        if (tried == connection) return told.substr(1, told.find('\0', 1) - 1);
      return "";
    }
    return "(not sent)";
  }

  std::string offer = "250-mx.example\r\n250 AUTH PLAIN\r\n";
  const char* refusal = "535 5.7.8 no\r\n";
  std::vector<std::string> known{"\0anna\0a-secret"s, "\0bert\0b-secret"s};
  std::vector<std::pair<int, std::string>> tries;  // connection, what was told

 private:
  static RouteSettings settings(std::uint32_t connections, TellClient tell) {
    RouteSettings settings;
    settings.auth_in_plain = true;
    settings.max_connections = connections;
    settings.tell_client = tell;
    return settings;
  }
};

TEST_CASE("a login is told by its names, unless only a token tells who it is") {
  CHECK(login_name(*login_of("anna", "x")) == "anna");
  CHECK(login_name(*login_of("anna", "x", "anna")) == "anna");
  CHECK(login_name(*login_of("anna", "x", "bert")) == "anna for bert");
  CHECK(login_name(*login_of("", "x")).empty());
  CHECK(login_text(*login_of("", "x")) == "(a bearer token)");
  CHECK(login_name(*login_of("(a bearer token)", "x")).empty());
  CHECK(same_login(nullptr, nullptr));
  CHECK_FALSE(same_login(anna, nullptr));
  CHECK_FALSE(same_login(nullptr, anna));
  CHECK(same_login(anna, login_of("anna", "other")));
  CHECK_FALSE(same_login(anna, login_of("anna", "a-secret", "bert")));
}

TEST_CASE("a connection is that of one login, or of none") {
  LoginTrial trial;
  for (const int round : {1, 2}) {
    const std::string n = std::to_string(round);
    trial.send("anna" + n, {}, anna);
    trial.send("bert" + n, {}, bert);
    trial.send("nobody" + n);
    trial.await({"anna" + n, "bert" + n, "nobody" + n});
  }
  for (const char* n : {"1", "2"}) {
    CHECK(trial.user_for("anna"s + n) == "anna");
    CHECK(trial.user_for("bert"s + n) == "bert");
    CHECK(trial.user_for("nobody"s + n).empty());
  }
  CHECK(trial.server.connections == 3);
}

TEST_CASE("with one place a connection of another gives way") {
  LoginTrial trial(1);
  trial.send("one", {}, anna);
  trial.await({"one"});
  trial.send("two", {}, bert);
  trial.send("three");
  trial.await({"two", "three"});
  CHECK(trial.user_for("two") == "bert");
  CHECK(trial.user_for("three").empty());
}

TEST_CASE("a login that is refused for good is tried once, whatever waits with it") {
  LoginTrial trial;
  trial.known.clear();
  std::set<std::string> all;
  trial.send("first");
  trial.await({"first"});  // the server is there
  for (int i = 0; i < 10; ++i) {
    all.insert("m" + std::to_string(i));
    trial.send("m" + std::to_string(i), {}, anna);
  }
  trial.await(all);
  CHECK(trial.tried("anna") == 1);
  CHECK(trial.last.login_failure.code == 535);
  CHECK(trial.last.results.at(0).outcome == smtp::Outcome::deferred);

  // Another secret of the same user is another login.
  trial.known = {"\0anna\0new"s};
  trial.send("new", {}, login_of("anna", "new"));
  trial.await({"new"});
  CHECK(trial.ends["new"] == "250 2.0.0 ok");
  // The user himself may try; if that succeeds after all, mail may as well.
  trial.known = {"\0anna\0a-secret"s};
  trial.send("waits", {}, anna);
  trial.await({"waits"});
  CHECK(trial.last.login_failure.code == 535);
  trial.try_login("by hand", anna);
  trial.await({"by hand"});
  CHECK(trial.ends["by hand"] == "right");
  trial.send("again", {}, anna);
  trial.await({"again"});
  CHECK(trial.ends["again"] == "250 2.0.0 ok");
}

TEST_CASE("a refusal that may pass is tried again by each") {
  LoginTrial trial;
  trial.known.clear();
  trial.refusal = "454 4.7.0 later\r\n";
  trial.send("one", {}, anna);
  trial.await({"one"});
  CHECK(trial.last.login_failure.code == 454);
  trial.send("two", {}, anna);
  trial.await({"two"});
  CHECK(trial.tried("anna") == 2);
}

TEST_CASE("that a login is refused says nothing about the server, nor about others") {
  LoginTrial trial;
  trial.known = {"\0bert\0b-secret"s};
  trial.send("one", {}, anna);
  trial.send("two", {}, bert);
  trial.send("three");
  trial.await({"one", "two", "three"});
  CHECK(trial.ends["two"] == "250 2.0.0 ok");
  CHECK(trial.ends["three"] == "250 2.0.0 ok");
}

TEST_CASE("a try takes a connection of its own, and proves nothing by that of another") {
  LoginTrial trial;
  trial.send("mail", {}, anna);
  trial.await({"mail"});
  trial.try_login("wrong", login_of("anna", "guess"));
  trial.await({"wrong"});
  CHECK(trial.ends["wrong"] == "535 5.7.8 no");
  trial.try_login("right", anna);
  trial.await({"right"});
  CHECK(trial.ends["right"] == "right");
  CHECK(trial.tried("anna") == 3);
  // Who guesses does not stop the mail of the one whose name it is.
  trial.send("after", {}, anna);
  trial.await({"after"});
  CHECK(trial.ends["after"] == "250 2.0.0 ok");
}

TEST_CASE("a server without a mechanism for it refuses no login for good") {
  LoginTrial trial;
  trial.offer = "250 mx.example\r\n";
  trial.try_login("try", anna);
  trial.await({"try"});
  CHECK(trial.ends["try"].starts_with("454 4.7.4"));
  trial.send("mail", {}, anna);
  trial.await({"mail"});
  CHECK(trial.last.login_failure.code == 454);
  trial.offer = "250-mx.example\r\n250 AUTH PLAIN\r\n";
  trial.send("later", {}, anna);
  trial.await({"later"});
  CHECK(trial.ends["later"] == "250 2.0.0 ok");
}

TEST_CASE("a probe goes as whom the mail would go") {
  LoginTrial trial;
  trial.probe("asked", anna);
  trial.probe("nobody");
  trial.await({"asked", "nobody"});
  CHECK(trial.user_for("asked") == "anna");
  CHECK(trial.user_for("nobody").empty());
}

const smtp::ClientFacts pc{.address = "192.0.2.7", .port = 1025, .helo = "pc", .login = "anna"};

TEST_CASE("who guesses is told by XCLIENT before he does, and not as whom he would be") {
  LoginTrial trial(20, TellClient::xclient);
  trial.offer = "250-mx.example\r\n250-XCLIENT ADDR PORT LOGIN\r\n250 AUTH PLAIN\r\n";
  trial.try_login("wrong", login_of("anna", "guess"), pc);
  trial.await({"wrong"});
  CHECK(trial.ends["wrong"] == "535 5.7.8 no");
  const auto said = trial.server.said_on(1);
  REQUIRE(said.size() >= 4);
  CHECK(said[1] == "XCLIENT ADDR=192.0.2.7 PORT=1025 LOGIN=[UNAVAILABLE]");
  CHECK(said[2].starts_with("EHLO"));
  CHECK(said[3].starts_with("AUTH PLAIN"));

  // Its mail then goes by the same, and is told once.
  trial.send("mail", pc, anna);
  trial.await({"mail"});
  CHECK(trial.ends["mail"] == "250 2.0.0 ok");
  trial.send("more", pc, anna);
  trial.await({"more"});
  const auto mail = trial.server.said_on(2);
  CHECK(std::count_if(mail.begin(), mail.end(),
                      [](const auto& line) { return line.starts_with("XCLIENT"); }) == 1);
  CHECK(trial.server.connections == 2);
}

TEST_CASE("that a server counts somebody as logged in already proves no secret") {
  LoginTrial trial(20, TellClient::xclient);
  trial.offer = "250-mx.example\r\n250-XCLIENT ADDR\r\n250 AUTH PLAIN\r\n";
  trial.known.clear();
  trial.refusal = "503 5.5.1 already\r\n";
  trial.try_login("try", anna, pc);
  trial.await({"try"});
  CHECK(trial.ends["try"] == "503 5.5.1 already");
}

TEST_CASE("who guesses is told by a PROXY header") {
  LoginTrial trial(20, TellClient::proxy);
  trial.try_login("wrong", login_of("anna", "guess"), pc);
  trial.await({"wrong"});
  CHECK(trial.server.said_on(1).at(0).starts_with("PROXY TCP4 192.0.2.7 127.0.0.1 1025 "));
}

TEST_CASE("whatever becomes of one login the server is there for others") {
  for (const char* answer : {LineServer::close, "421 4.7.0 too many of yours\r\n", "hm\r\n"}) {
    CAPTURE(answer);
    LoginTrial trial;
    const auto usual = trial.server.script;
    trial.server.script = [&](int connection, const std::string& line) {
      return line == anna_logs_in ? answer : usual(connection, line);
    };
    trial.send("one", {}, anna);
    trial.send("two", {}, anna);
    trial.send("three", {}, bert);
    trial.send("four");
    trial.await({"one", "two", "three", "four"});
    CHECK(trial.ends["one"].starts_with("4"));
    CHECK(trial.ends["two"].starts_with("4"));
    CHECK(trial.ends["three"] == "250 2.0.0 ok");
    CHECK(trial.ends["four"] == "250 2.0.0 ok");
    trial.try_login("try", anna);
    trial.try_login("other", bert);
    trial.await({"try", "other"});
    CHECK(trial.ends["try"].starts_with("4"));
    CHECK(trial.ends["other"] == "right");
  }
}

TEST_CASE("a refusal that is not about the credentials does not outlast itself") {
  LoginTrial trial;
  const auto usual = trial.server.script;
  int refusals = 2;
  trial.server.script = [&](int connection, const std::string& line) {
    return line == anna_logs_in && refusals-- > 0 ? "554 5.7.1 not from this address now\r\n"
                                                  : usual(connection, line);
  };
  for (const char* name : {"one", "two"}) {
    trial.send(name, {}, anna);
    trial.await({name});
    CHECK_FALSE(is_refusal(trial.last.login_failure));
  }
  trial.send("three", {}, anna);
  trial.await({"three"});
  CHECK(trial.ends["three"] == "250 2.0.0 ok");
}

TEST_CASE("who guesses slowly holds up no other login, and is dropped once nobody waits") {
  LoginTrial trial(4);
  const auto usual = trial.server.script;
  trial.server.script = [&](int connection, const std::string& line) {
    return line == anna_logs_in ? LineServer::nothing : usual(connection, line);
  };
  trial.send("there");
  trial.await({"there"});
  bool wanted = true;
  for (int i = 0; i < 3; ++i) trial.try_login("slow", anna);
  trial.try_login("right", bert);
  trial.await({"right"});
  CHECK(trial.ends["right"] == "right");
  // Now all places are taken; who gave up is not tried when one comes free.
  trial.try_login("slow", anna);
  trial.try_login("given up", bert, {}, [&] { return wanted; });
  wanted = false;
  trial.probe("recipient");
  trial.await({"recipient"});
  CHECK(trial.ends["recipient"] == "250 2.0.0 ok");
  const int before = trial.tried("bert");
  trial.server.script = usual;
  trial.pool.abort();
  CHECK(trial.tried("bert") == before);
  trial.server.stop();
}

TEST_CASE("tokens are no passwords: only an equal one is the same login") {
  const auto with_token = [](const std::string& token) {
    auto credentials = std::make_shared<smtp::Credentials>(*login_of("anna", token));
    credentials->mechanism = smtp::Mechanism::xoauth2;
    return Login(credentials);
  };
  CHECK(same_login(with_token("one"), with_token("one")));
  CHECK_FALSE(same_login(with_token("one"), with_token("two")));
  CHECK_FALSE(same_login(with_token("one"), login_of("anna", "one")));
}

TEST_CASE("that a client is refused says nothing about the server") {
  SUBCASE("for the name it gives itself") {
    LoginTrial trial(20, TellClient::xclient);
    trial.offer = "250-mx.example\r\n250-XCLIENT ADDR HELO\r\n250 AUTH PLAIN\r\n";
    const auto usual = trial.server.script;
    trial.server.script = [&](int connection, const std::string& line) {
      return line == "EHLO pc" || line == "HELO pc" ? "550 5.7.1 no such name\r\n"
                                                    : usual(connection, line);
    };
    trial.send("one", pc, anna);
    trial.send("two", {}, bert);
    trial.await({"one", "two"});
    CHECK(trial.ends["one"] == "550 5.7.1 no such name");
    CHECK(trial.last.results.at(0).outcome != smtp::Outcome::failed);
    CHECK(trial.ends["two"] == "250 2.0.0 ok");
  }
  SUBCASE("for its address") {
    LoginTrial trial(20, TellClient::proxy);
    const auto usual = trial.server.script;
    trial.server.script = [&](int connection, const std::string& line) {
      if (line == "connect") {
        return connection == 1 ? (LineServer::nothing) : usual(connection, line);
      }
      return line.starts_with("PROXY TCP4 192.0.2.7 ") ? "554 5.7.1 not you\r\n"
                                                       : usual(connection, line);
    };
    trial.send("one", pc);
    trial.send("two", smtp::ClientFacts{.address = "192.0.2.8", .port = 1});
    trial.await({"one", "two"});
    CHECK(trial.ends["one"] == "554 5.7.1 not you");
    CHECK(trial.ends["two"] == "250 2.0.0 ok");
  }
}

TEST_CASE("refused logins are known by server and secret, and the oldest goes when it is full") {
  RefusedLogins refused(2);
  const Destination here{"smarthost", "mx.example", 587, ""};
  const Destination elsewhere{"smarthost", "other.example", 587, ""};
  CHECK_FALSE(refused.knows(here, *anna));
  refused.note(here, *anna);
  refused.note(here, *anna);
  CHECK(refused.size() == 1);
  CHECK(refused.knows(here, *anna));
  CHECK_FALSE(refused.knows(elsewhere, *anna));
  CHECK_FALSE(refused.knows(here, *login_of("anna", "other")));
  CHECK_FALSE(refused.knows(here, *login_of("anna", "a-secret", "bert")));
  refused.note(here, *bert);
  refused.note(elsewhere, *bert);
  CHECK(refused.size() == 2);
  CHECK_FALSE(refused.knows(here, *anna));
  refused.forget(here, *bert);
  refused.forget(here, *bert);
  CHECK_FALSE(refused.knows(here, *bert));
  CHECK(refused.knows(elsewhere, *bert));
}

}  // namespace
}  // namespace cordon::proxy
