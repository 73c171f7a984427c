// What is told about the settings: the commented conf file, and which changes need a restart. Both
// follow the table, so neither can be forgotten when a setting is added.
#include <sstream>

#include "proxy/settings_reader.h"
#include "proxy/settings_table.h"

namespace cordon::proxy {
namespace {

constexpr std::size_t line_width = 100;

// Appends `text` as comment lines.
void comment(std::ostream& out, const std::string& text) {
  std::istringstream words(text);
  std::string line = "#";
  std::string word;
  while (words >> word) {
    if (line.size() + 1 + word.size() > line_width) {
      out << line << '\n';
      line = "#";
    }
    line += " " + word;
  }
  out << line << '\n';
}

void document(std::ostream& out, const Target& target, const KeyFacts& facts, std::string_view name,
              std::string_view marker) {
  std::string words(facts.why);
  // The head of the file has the examples once.
  words += " Takes " + expectation(target, facts, Examples::no);
  if (!facts.unit.empty()) words += ", in " + std::string(facts.unit);
  words += facts.live ? "." : "; changes at a restart.";
  comment(out, words);
  out << marker << name << " = " << to_toml(target, facts) << "\n";
}

template <typename Owner>
void document_group(std::ostream& out, std::span<const Key<Owner>> keys, Owner owner,
                    std::string_view head, std::string_view marker) {
  out << marker << head << "\n";
  for (const auto& key : keys) {
    document(out, key.at(owner), key.facts, key.facts.name, marker);
  }
}

struct Section {
  std::string_view name;
  std::string_view words;
};
constexpr Section sections[] = {
    {"", ""},
    {"paths", "Where things are."},
    {"cordoning", "How long and how much is held, and what an alert may cause."},
    {"notices", "Mail that Cordon itself writes: to operators, senders, and those to be warned."},
    {"delivery", "Trying, trying again, giving up."},
    {"credentials", "Logins of clients that mail is delivered with."},
    {"dns", "Name servers."},
    {"limits", "What one client, and all of them, may use."},
    {"log", "Baits appear by their id, credentials never."},
    {"control", "Who may use cordonctl, by system group."},
};

// Compares the values of two owners and appends the names of those that only a restart changes.
template <typename Owner>
void compare(std::span<const Key<Owner>> keys, Owner before, Owner after, const std::string& prefix,
             std::vector<std::string>& changed) {
  for (const auto& key : keys) {
    if (!key.facts.live && !equal(key.at(before), key.at(after))) {
      changed.push_back(prefix + std::string(key.facts.name));
    }
  }
}

const ListenerSettings* find_listener(const Settings& settings, const std::string& name) {
  for (const ListenerSettings& listener : settings.listeners) {
    if (listener.name == name) return &listener;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> needs_restart(const Settings& before, const Settings& after) {
  std::vector<std::string> changed;
  compare(settings_keys(), before, after, "", changed);
  for (const ListenerSettings& listener : before.listeners) {
    const auto* now = find_listener(after, listener.name);
    const std::string path = "listener." + listener.name;
    if (now == nullptr) {
      changed.push_back(path);
    } else {
      compare(listener_keys(), listener, *now, path + ".", changed);
    }
  }
  for (const ListenerSettings& listener : after.listeners) {
    if (find_listener(before, listener.name) == nullptr)
      changed.push_back("listener." + listener.name);
  }
  return changed;
}

std::string documented_settings() {
  std::ostringstream out;
  Settings defaults;
  comment(
      out,
      "Settings of cordond. Each line is commented out and shows the default; take the # away to "
      "change one, and that of its [[listener]] or [route.NAME].");
  comment(
      out,
      "`cordond --check` tells what is wrong with a file; `systemctl reload cordond` (SIGHUP) puts "
      "changes in force but for those marked \"changes at a restart\".");
  comment(out,
          "Durations are written \"60s\", \"5m\", \"1h\", \"5d\", sizes \"64 KiB\", \"50 MiB\", "
          "\"1 GiB\" or as a number of octets.");
  out << "\n";
  for (const Section& section : sections) {
    if (!section.name.empty()) {
      out << "\n";
      comment(out, std::string(section.words));
      out << "[" << section.name << "]\n";
    }
    for (const auto& key : settings_keys()) {
      const std::size_t dot = key.facts.name.find('.');
      const bool top = dot == std::string_view::npos;
      if (section.name != (top ? "" : key.facts.name.substr(0, dot))) continue;
      document(out, key.at(defaults), key.facts,
               top ? key.facts.name : key.facts.name.substr(dot + 1), "#");
    }
  }
  out << "\n";
  comment(out,
          "Where clients connect; as many as needed. Any listener in this file replaces the one "
          "shown.");
  document_group(out, listener_keys(), ListenerSettings{}, "[[listener]]", "#");
  out << "\n";
  comment(out,
          "Who we are under TLS: the first for clients that name no server, further ones for the "
          "names in them. SIGHUP reads the files again. There is none by default; an example:");
  document_group(out, certificate_keys(),
                 CertificateSettings{"/etc/cordon/mailgate.pem", "/etc/cordon/mailgate.key"},
                 "[[certificate]]", "#   ");
  out << "\n";
  comment(out,
          "Where mail goes; as many as needed. Any route in this file replaces the one shown.");
  document_group(out, route_keys(), RouteSettings{}, "[route.smarthost]", "#");
  out << "\n";
  comment(
      out,
      "Rules for holding: the first that matches counts. There is none by default; an example:");
  document_group(out, rule_keys(),
                 RuleSettings{"password-resets", "noreply@shop.example", "", "192.0.2.0/28",
                              Seconds{10}, false},
                 "[[rule]]", "#   ");
  out << "\n";
  comment(out, "What is known of networks of clients. There is none by default; an example:");
  document_group(out, origin_keys(),
                 OriginSettings{"192.0.2.25", "branch office MTA", true, Mode::hold}, "[[origin]]",
                 "#   ");
  return out.str();
}

}  // namespace cordon::proxy
