#include <doctest/doctest.h>

#include "proxy/settings_reader.h"

using namespace cordon::proxy;

namespace {

std::string complaint(std::string_view text) {
  const auto result = parse_settings(text, "f.toml", {});
  return result ? "accepted" : result.error().to_string();
}

}  // namespace

TEST_CASE("a wrong key is shown at its place with the nearest right one") {
  CHECK(complaint("[cordoning]\n  perod = \"60s\"\n") ==
        "f.toml:2:3: unknown setting cordoning.perod; did you mean cordoning.period?");
  CHECK(complaint("hostnme = \"a.example\"\n") ==
        "f.toml:1:1: unknown setting hostnme; did you mean hostname?");
  CHECK(complaint("[[listener]]\nadress = \"127.0.0.1:25\"\n") ==
        "f.toml:2:1: unknown setting listener.0.adress; did you mean address?");
  CHECK(complaint("[route.smarthost]\nports = 25\n") ==
        "f.toml:2:1: unknown setting route.smarthost.ports; did you mean port?");
}

TEST_CASE("a right key in the wrong section is pointed to the right one") {
  CHECK(complaint("[delivery]\nmax_held = 5\n") ==
        "f.toml:2:1: unknown setting delivery.max_held; did you mean cordoning.max_held?");
  CHECK(complaint("period = \"60s\"\n") ==
        "f.toml:1:1: unknown setting period; did you mean cordoning.period?");
}

TEST_CASE("a wrong section is shown with the nearest right one") {
  CHECK(complaint("[cordonning]\nperiod = \"60s\"\n") ==
        "f.toml:1:2: unknown section [cordonning]; did you mean cordoning?");
  CHECK(complaint("[zzzzzzzzzzzz]\n") == "f.toml:1:2: unknown section [zzzzzzzzzzzz]");
}

TEST_CASE("a wrong type tells what was expected and what was found") {
  CHECK(complaint("[cordoning]\nmax_held = \"many\"\n") ==
        "f.toml:2:12: cordoning.max_held: expected a whole number from 1 to 100000000; found "
        "\"many\"");
  CHECK(complaint("[cordoning]\nmax_held = 1.5\n") ==
        "f.toml:2:12: cordoning.max_held: expected a whole number from 1 to 100000000; found 1.5");
  CHECK(complaint("hostname = 5\n") ==
        "f.toml:1:12: hostname: expected a domain, or \"\"; found 5");
  CHECK(complaint("[[listener]]\nsmtputf8 = true\n") ==
        "f.toml:2:12: listener.0.smtputf8: expected \"mirror\", \"yes\" or \"no\"; found true");
  CHECK(complaint("[route.smarthost]\nimplicit_tls = \"yes\"\n") ==
        "f.toml:2:16: route.smarthost.implicit_tls: expected true or false; found \"yes\"");
  CHECK(complaint("[notices]\noperators = \"postmaster\"\n") ==
        "f.toml:2:13: notices.operators: expected a list of addresses, or of parts before the @; "
        "found \"postmaster\"");
  CHECK(complaint("[notices]\noperators = [\"postmaster\", 7]\n") ==
        "f.toml:2:13: notices.operators: expected a list of addresses, or of parts before the @; "
        "found a list with a number in it");
  CHECK(complaint("[log]\nfile = 2026-01-01\n") ==
        "f.toml:2:8: log.file: expected a text, or \"\"; found a date or time");
  CHECK(complaint("[hostname]\nx = 1\n") ==
        "f.toml:1:1: hostname: expected a domain, or \"\"; found a table");
}

TEST_CASE("a section where a list of tables belongs is told how to be written") {
  CHECK(complaint("[listener]\nname = \"a\"\n") ==
        "f.toml:1:1: listener: expected tables, each under [[listener]]; found a table");
  CHECK(complaint("[[route]]\nport = 25\n") ==
        "f.toml:1:1: route: expected tables, each under [route.NAME]; found a list");
  CHECK(complaint("[route]\nport = 25\n") ==
        "f.toml:2:1: route.port: expected a table under [route.NAME]; found a number\n"
        "f.toml: listener.0.route: there is no [route.smarthost]");
}

TEST_CASE("a wrong value or one out of range tells what was expected") {
  CHECK(complaint("[cordoning]\nperiod = 60\n") ==
        "f.toml:2:10: cordoning.period: expected a duration such as \"60s\", \"5m\", \"1h\" or "
        "\"5d\", from 0s to 7d; found 60");
  CHECK(complaint("[cordoning]\nperiod = \"8d\"\n") ==
        "f.toml:2:10: cordoning.period: expected a duration such as \"60s\", \"5m\", \"1h\" or "
        "\"5d\", from 0s to 7d; found \"8d\"");
  CHECK(complaint("[cordoning]\nperiod = \"1500ms\"\n") ==
        "f.toml:2:10: cordoning.period: expected a duration such as \"60s\", \"5m\", \"1h\" or "
        "\"5d\", from 0s to 7d; found \"1500ms\" (fractions of a second are not kept)");
  CHECK(complaint("[cordoning]\non_cap = \"drop\"\n") ==
        "f.toml:2:10: cordoning.on_cap: expected \"commit_oldest\" or \"defer\"; found \"drop\"");
  CHECK(complaint("[cordoning]\nmax_cordon_share = 1.2\n") ==
        "f.toml:2:20: cordoning.max_cordon_share: expected a number from 0 to 1; found 1.2");
  CHECK(complaint("[delivery]\njitter = nan\n") ==
        "f.toml:2:10: delivery.jitter: expected a number from 0 to 1; found nan");
  CHECK(
      complaint("[limits]\nmax_message_octets = \"50 MB\"\n") ==
      "f.toml:2:22: limits.max_message_octets: expected a size such as \"50 MiB\", or a number of "
      "octets, from 64 KiB to 2 GiB; found \"50 MB\"");
  CHECK(complaint("[limits]\nmax_sessions = -1\n") ==
        "f.toml:2:16: limits.max_sessions: expected a whole number from 1 to 1000000; found -1");
  CHECK(complaint("[route.smarthost]\nport = 70000\n") ==
        "f.toml:2:8: route.smarthost.port: expected a whole number from 1 to 65535; found 70000");
  CHECK(
      complaint("[log]\nlevel = \"loud\"\n") ==
      "f.toml:2:9: log.level: expected \"debug\", \"info\", \"warn\" or \"error\"; found \"loud\"");
  const std::string with_the_store =
      "f.toml:2:13: credentials.directory: must not be in paths.state_dir";
  CHECK(complaint("[credentials]\ndirectory = \"/var/lib/cordon/keys\"\n") == with_the_store);
  CHECK(complaint("[credentials]\ndirectory = \"/var/lib//cordon/x/..\"\n") == with_the_store);
  CHECK(complaint("[paths]\nstate_dir = \"\"\n") ==
        "f.toml:2:13: paths.state_dir: expected a text; found \"\"");
}

TEST_CASE("TLS wants a certificate, and AUTH passwords and TLS") {
  const std::string certificate = "[[certificate]]\nchain = \"c\"\nkey = \"k\"\n";
  CHECK(complaint("[[listener]]\ntls = \"starttls\"\n") ==
        "f.toml:2:7: listener.0.tls: needs a [[certificate]]");
  CHECK(complaint("[[listener]]\ntls = \"starttls\"\n" + certificate) == "accepted");
  CHECK(complaint("[[listener]]\ntls = \"sometimes\"\n") ==
        "f.toml:2:7: listener.0.tls: expected \"none\", \"starttls\", \"required\" or "
        "\"implicit\"; found \"sometimes\"");
  CHECK(complaint("[[certificate]]\nchain = \"c\"\n") ==
        "f.toml:1:1: certificate.0.key: a certificate needs its key");
  const std::string auth = "[[listener]]\nauth = \"required\"\n";
  CHECK(complaint(auth + "auth_in_plain = true\n") ==
        "f.toml:2:8: listener.0.auth: needs a password_file");
  CHECK(complaint(auth + "password_file = \"p\"\n") ==
        "f.toml:2:8: listener.0.auth: needs tls, or auth_in_plain = true");
  CHECK(complaint(auth + "password_file = \"p\"\ntls = \"required\"\n" + certificate) ==
        "accepted");
  const std::string upstream = auth + "auth_in_plain = true\nauth_verify = \"upstream\"\n";
  CHECK(complaint(upstream) == "accepted");
  CHECK(complaint(upstream + "password_file = \"p\"\n") ==
        "f.toml:5:17: listener.0.password_file: is not for auth_verify = \"upstream\"");
  CHECK(complaint(upstream + "[route.smarthost]\nlookup = \"mx\"\n[notices]\noperators = "
                             "[\"a@in.example\"]\n") ==
        "f.toml:4:15: listener.0.auth_verify: upstream needs a route to one server, not lookup = "
        "\"mx\"");
  CHECK(complaint("[[listener]]\nxclient = [\"192.0.2.1/24\"]\n") ==
        "f.toml:2:11: listener.0.xclient: expected a list of networks such as \"192.0.2.0/24\"; "
        "found a list (\"192.0.2.1/24\" is none)");
}

TEST_CASE("addresses, domains and networks are checked where they are written") {
  CHECK(complaint("[[listener]]\naddress = \"localhost:25\"\n") ==
        "f.toml:2:11: listener.0.address: expected an IP address and port such as "
        "\"127.0.0.1:2525\" or \"[::1]:2525\"; found \"localhost:25\"");
  CHECK(complaint("[[listener]]\naddress = \"::1:25\"\n") != "accepted");
  CHECK(complaint("[[listener]]\naddress = \"127.0.0.1:70000\"\n") != "accepted");
  CHECK(complaint("[[listener]]\naddress = \"[::1]:25\"\n") == "accepted");
  CHECK(complaint("[notices]\nlocal_domains = [\"a.example\", \"b..example\"]\n") ==
        "f.toml:2:17: notices.local_domains: expected a list of domains; found a list "
        "(\"b..example\" is none)");
  CHECK(complaint("[[origin]]\nnetwork = \"192.0.2.1/24\"\n") ==
        "f.toml:2:11: origin.0.network: expected a network such as \"192.0.2.0/24\" or "
        "\"2001:db8::/32\"; found \"192.0.2.1/24\" (it has bits set beyond its prefix)");
  CHECK(complaint("[[rule]]\nname = \"r\"\norigin = \"somewhere\"\nbypass = true\n") ==
        "f.toml:3:10: rule.0.origin: expected a network such as \"192.0.2.0/24\" or "
        "\"2001:db8::/32\", or \"\"; found \"somewhere\" (no IPv4 or IPv6 address)");
  CHECK(complaint("[[rule]]\nname = \"r\"\nsender = \"@\"\nbypass = true\n") ==
        "f.toml:3:10: rule.0.sender: expected an address, or @domain, or \"\"; found \"@\"");
}

TEST_CASE("settings that contradict each other are shown at the later one") {
  CHECK(complaint("[[listener]]\nname = \"a\"\n[[listener]]\nname = \"a\"\naddress = "
                  "\"127.0.0.1:26\"\n") ==
        "f.toml:4:8: listener.1.name: listener.0 has the name \"a\" too");
  CHECK(complaint("[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\n") ==
        "f.toml:3:1: listener.1.address: listener.0 has the address \"127.0.0.1:2525\" too");
  CHECK(complaint("[[listener]]\nroute = \"elsewhere\"\n") ==
        "f.toml:2:9: listener.0.route: there is no [route.elsewhere]");
  CHECK(complaint("[notices]\nroute = \"elsewhere\"\n") ==
        "f.toml:2:9: notices.route: there is no [route.elsewhere]");
  CHECK(complaint("[cordoning]\nmax_held = 10\nmax_held_per_origin = 11\n") ==
        "f.toml:3:23: cordoning.max_held_per_origin: must not be above cordoning.max_held");
  CHECK(complaint("[cordoning]\nmax_held = 10\n") ==
        "f.toml: cordoning.max_held_per_origin: must not be above cordoning.max_held");
  CHECK(complaint("[delivery]\nmax_retry = \"30s\"\n") ==
        "f.toml: delivery.first_retry: must not be above delivery.max_retry");
  CHECK(complaint("listener = []\n") == "f.toml: there is no [[listener]]");
}

TEST_CASE("a rule or origin that could do nothing is refused") {
  CHECK(complaint("[[rule]]\nbypass = true\n") == "f.toml:1:1: rule.0.name: a rule needs a name");
  CHECK(complaint("[[rule]]\nname = \"r\"\n") ==
        "f.toml:1:1: rule.0.period: a rule needs a period, or bypass = true");
  CHECK(complaint("[[rule]]\nname = \"r\"\nbypass = true\nperiod = \"5s\"\n") ==
        "f.toml:4:10: rule.0.period: a rule with bypass holds nothing, so it can have no period");
  CHECK(complaint("[[origin]]\nlabel = \"x\"\n") ==
        "f.toml:1:1: origin.0.network: an origin needs a network");
}

TEST_CASE("every fault of a file is reported, in its order") {
  CHECK(complaint("threads = \"x\"\nnonsense = 1\n[cordoning]\nperiod = 1\n[log]\nlevel = 2\n") ==
        "f.toml:1:11: threads: expected a whole number from 0 to 1024; found \"x\"\n"
        "f.toml:2:1: unknown setting nonsense\n"
        "f.toml:4:10: cordoning.period: expected a duration such as \"60s\", \"5m\", \"1h\" or "
        "\"5d\", from 0s to 7d; found 1\n"
        "f.toml:6:9: log.level: expected \"debug\", \"info\", \"warn\" or \"error\"; found 2");
}

TEST_CASE("a fault in one setting does not bring complaints about others") {
  CHECK(complaint("[[listener]]\nroute = 5\n[route.other]\nport = 25\n") ==
        "f.toml:2:9: listener.0.route: expected a name of letters, digits, - and _; found 5");
}

TEST_CASE("what is not TOML is shown at its place") {
  const std::string words = complaint("[cordoning]\nperiod = \n");
  CHECK(words.starts_with("f.toml:2:10: "));
  CHECK(complaint("a = 1\na = 2\n").starts_with("f.toml:2:"));
}

TEST_CASE("a file that cannot be read is an error that names it") {
  const auto result = read_settings("/nonexistent/cordond.toml", {});
  REQUIRE(result.has_error());
  CHECK(result.error().to_string() ==
        "/nonexistent/cordond.toml: cannot open it: No such file or directory");
  CHECK(read_settings("/", {}).error().to_string() == "/: it is a directory");
}

TEST_CASE("control characters of a wrong value do not reach the terminal") {
  CHECK(
      complaint("[log]\nlevel = \"\\u001b[2J\"\n") ==
      "f.toml:2:9: log.level: expected \"debug\", \"info\", \"warn\" or \"error\"; found \"?[2J\"");
  CHECK(complaint("\"\\u001b[2J\" = 1\n").find('\x1b') == std::string::npos);
}

TEST_CASE("a domain has one route") {
  CHECK(complaint("[route.smarthost]\ndomains = [\"a.example\"]\n"
                  "[route.z]\ndomains = [\"b.example\", \"A.example\"]\n") ==
        "f.toml:4:11: route.z.domains: route.smarthost has the domain \"A.example\" too");
}

TEST_CASE("an operator without a domain has no mail exchanger") {
  CHECK(
      complaint("[route.smarthost]\nlookup = \"mx\"\n")
          .find("notices.operators: \"postmaster\" needs a domain, since route.smarthost looks up "
                "its mail exchangers") != std::string::npos);
  CHECK(complaint("[route.smarthost]\nlookup = \"mx\"\n"
                  "[notices]\noperators = [\"postmaster@example.com\"]\n") == "accepted");
}

TEST_CASE("a password is not for the servers of whatever domain") {
  CHECK(complaint("[notices]\noperators = [\"a@b.example\"]\n"
                  "[route.smarthost]\nlookup = \"mx\"\nuser = \"me\"\npassword_file = \"/x\"\n")
            .find("route.smarthost.user: cannot go with lookup = \"mx\"") != std::string::npos);
}

TEST_CASE("a letter beyond ASCII stands in a text or a comment only") {
  const std::string words = ": a letter beyond ASCII may stand in a text or a comment only";
  CHECK(complaint("\xCF\x8C = 1\n") == "f.toml:1:1" + words);
  CHECK(complaint("# \xCF\x8C\nhostname = \xCF\x8C\n") == "f.toml:2:12" + words);
  CHECK(complaint("[log]\nfile = \"a\\\"\" \xCF\x8C\n") == "f.toml:2:14" + words);
  CHECK(complaint("[log]\nfile = \"\"\"\n\xCF\x8C\"\"\"\"\" \xC3\xA4\n") == "f.toml:3:9" + words);
  CHECK(complaint(
            "\xEF\xBB\xBF# \xCF\x8C\n[[origin]]\nnetwork = \"192.0.2.1\"\nlabel = '\xCF\x8C'\n") ==
        "accepted");
}
