// Every setting of cordond, with its default. conf/cordond.toml documents them for people; a test
// keeps the two equal. Values only; reading them from a file is in settings_reader.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cordon/policy.h"

namespace cordon::proxy {

using Seconds = std::chrono::seconds;
using Millis = std::chrono::milliseconds;

using cordon::Mode;
using cordon::OnCap;
enum class LogFormat : std::uint8_t { text, json };
enum class Lookup : std::uint8_t { host, mx };            // how a route finds its server
enum class Extension : std::uint8_t { mirror, yes, no };  // whether an SMTP extension is offered

enum class UpstreamTls : std::uint8_t { none, opportunistic, required, verify };
enum class AuthMechanism : std::uint8_t { automatic, plain, login, xoauth2, oauthbearer };
enum class TellClient : std::uint8_t { no, xclient, proxy };
enum class ListenerTls : std::uint8_t { none, starttls, required, implicit };
enum class ListenerAuth : std::uint8_t { none, offered, required };
enum class AuthVerify : std::uint8_t { local, upstream };
enum class VerifyRecipients : std::uint8_t { none, upstream };

// [[certificate]]: who we are under TLS.
struct CertificateSettings {
  std::string chain;  // PEM file: the certificate, then those that lead to its authority
  std::string key;    // PEM file: its private key, not readable by all
  bool operator==(const CertificateSettings&) const = default;
};

// [[listener]]
struct ListenerSettings {
  std::string name = "submission";
  std::string address = "127.0.0.1:2525";  // host:port; [::1]:port for IPv6
  Mode mode = Mode::enforce;
  std::string route = "smarthost";               // a [route.NAME]
  Extension eight_bit_mime = Extension::mirror;  // offer 8BITMIME
  Extension smtputf8 = Extension::mirror;        // offer SMTPUTF8
  VerifyRecipients verify_recipients = VerifyRecipients::none;
  ListenerTls tls = ListenerTls::none;
  ListenerAuth auth = ListenerAuth::none;
  AuthVerify auth_verify = AuthVerify::local;  // by the password file, or by the server of `route`
  bool auth_in_plain = false;                  // AUTH also without TLS
  std::string password_file;                   // "name:hash" a line; of auth_verify local
  std::vector<std::string> proxy_protocol;  // networks whose connections begin with a PROXY header
  std::vector<std::string> xclient;         // networks that may use XCLIENT
  bool operator==(const ListenerSettings&) const = default;
};

// [route.NAME]: where mail goes. Looked up at each delivery, so a mended route mends what waits.
struct RouteSettings {
  std::vector<std::string> domains;  // recipients there take this route; ".x": all below x too
  Lookup lookup = Lookup::host;      // mx: `host` is not used, each recipient's domain is asked for
  std::string host = "127.0.0.1";
  std::uint16_t port = 2526;
  UpstreamTls tls = UpstreamTls::opportunistic;
  bool implicit_tls = false;      // TLS from the first octet (RFC 8314 3.3)
  std::string ca_file;            // of verify; empty: the system's authorities
  std::vector<std::string> pins;  // of verify: SHA-256 of the certificate or its public key, hex
  std::string tls_name;           // whom the certificate must name; empty: the host
  std::string user;               // empty: no AUTH
  std::string password_file;      // its first line; read at start and reload
  AuthMechanism mechanism = AuthMechanism::automatic;  // PLAIN or LOGIN
  bool auth_in_plain = false;                          // AUTH also without TLS
  TellClient tell_client = TellClient::no;             // who its client is
  std::uint32_t max_connections = 20;                  // at once
  std::uint32_t max_messages_per_connection = 1000;
  std::uint32_t max_messages_per_minute = 0;  // 0: any number
  Seconds connect_timeout{30};
  Seconds idle_timeout{10};  // an unused connection is kept this long
  bool operator==(const RouteSettings&) const = default;
};

// [[rule]]: the first that matches sets the holding of a message. Empty fields match anything.
struct RuleSettings {
  std::string name;
  std::string sender;            // address, or @domain
  std::string recipient_domain;  // must be that of every recipient
  std::string origin;            // network, 192.0.2.0/24
  std::optional<Seconds> period;
  bool bypass = false;  // not held at all; each use is in the audit trail
  bool operator==(const RuleSettings&) const = default;
};

// [[origin]]: what is known of a network of clients.
struct OriginSettings {
  std::string network;  // 192.0.2.0/24
  std::string label;
  bool shared = false;       // an MTA, a NAT, a terminal server: never cordoned as a whole
  std::optional<Mode> mode;  // instead of the listener's
  bool operator==(const OriginSettings&) const = default;
};

struct Settings {
  std::string hostname;  // empty: the system's own name

  struct Paths {
    std::string state_dir = "/var/lib/cordon";
    std::string control_socket = "/run/cordon/control.sock";
    std::string templates_dir;  // empty: the built-in templates
    bool operator==(const Paths&) const = default;
  } paths;

  std::vector<ListenerSettings> listeners{ListenerSettings{}};
  std::vector<CertificateSettings> certificates;
  std::map<std::string, RouteSettings> routes{{"smarthost", RouteSettings{}}};

  struct Cordoning {
    Seconds period{60};
    std::uint64_t max_held = 100'000;           // messages in all
    std::uint64_t max_held_per_origin = 1'000;  // messages of one origin
    OnCap on_cap = OnCap::commit_oldest;
    std::optional<Seconds> look_back;          // unset: all that is on record (BESIDES 4.3)
    Seconds record_retention{90 * 24 * 3600};  // revocation records
    std::uint32_t max_cordons_per_hour = 10;
    double max_cordon_share = 0.2;            // of the origins seen in the last 24 h
    std::uint32_t cordon_share_floor = 10;    // origins; below it the share is not looked at
    std::uint32_t score_limit = 3;            // distinct baits by automatic mail before a review
    std::uint32_t transcript_lines = 10'000;  // kept a cordon
    bool operator==(const Cordoning&) const = default;
  } cordoning;
  std::vector<RuleSettings> rules;
  std::vector<OriginSettings> origins;

  struct Notices {
    std::string from = "MAILER-DAEMON";  // local part, or a whole address
    std::vector<std::string> operators{"postmaster"};
    std::string route;                       // empty: the first listener's
    std::vector<std::string> local_domains;  // warned and bounced to without asking
    std::uint32_t max_warnings_per_alert = 1'000;
    std::uint32_t max_warnings_per_recipient_day = 3;
    Seconds warning_delay{10};  // after the alert: time to find it was automatic mail
    std::uint64_t max_returned_octets = 64ull * 1024;  // of a whole original in a report
    bool operator==(const Notices&) const = default;
  } notices;

  struct Delivery {
    Seconds first_retry{60};
    Seconds max_retry{3600};
    double jitter = 0.2;  // share of the delay, either way
    Seconds queue_lifetime{5 * 24 * 3600};
    Seconds delay_notice{4 * 3600};      // 0: none
    std::uint32_t max_concurrent = 100;  // deliveries of one route
    Seconds command_timeout{300};        // for each reply of the upstream
    Seconds data_timeout{600};           // for the reply to the final dot
    bool operator==(const Delivery&) const = default;
  } delivery;

  struct Credentials {  // of clients, for listeners that verify upstream
    std::string directory = "/var/lib/cordon-keys";  // of the keys
    Seconds ttl{24 * 3600};
    bool operator==(const Credentials&) const = default;
  } credentials;

  struct Dns {
    std::vector<std::string> servers;  // empty: the system's
    Seconds timeout{5};                // of the first try
    std::uint32_t tries = 3;
    bool operator==(const Dns&) const = default;
  } dns;

  struct Limits {
    std::uint64_t max_message_octets = 50ull * 1024 * 1024;
    std::uint32_t max_recipients = 1000;
    std::uint32_t max_hops = 100;  // Received fields, RFC 5321 6.3
    std::uint32_t max_errors = 20;
    std::uint32_t max_commands = 100'000;  // a session
    std::uint32_t max_sessions = 10'000;
    std::uint32_t max_sessions_per_host = 500;
    std::uint32_t max_connections_per_minute = 0;  // of one host; 0: any number, as below
    std::uint32_t max_messages_per_minute = 0;
    std::uint32_t max_recipients_per_minute = 0;
    std::uint32_t max_errors_per_minute = 0;
    std::uint32_t max_auth_failures = 3;                  // a session
    std::uint32_t max_auth_failures_per_minute = 30;      // of one host
    std::uint64_t min_content_rate = 100;                 // octets a second, over a minute; 0: any
    std::uint64_t content_memory = 256ull * 1024 * 1024;  // octets, over all sessions
    std::uint64_t min_free_disk = 128ull * 1024 * 1024;   // octets, where the store is
    Seconds command_timeout{300};                         // idle, RFC 5321 4.5.3.2.7
    Seconds session_timeout{4 * 3600};                    // in all
    Seconds greeting_delay{0};
    bool operator==(const Limits&) const = default;
  } limits;

  struct Log {
    LogFormat format = LogFormat::text;
    std::string level = "info";  // debug, info, warn, error
    std::string file;            // empty: standard error
    bool operator==(const Log&) const = default;
  } log;

  struct Control {
    std::vector<std::string> view_groups;    // may look
    std::vector<std::string> review_groups;  // may also hold, release, delete, approve
    std::vector<std::string> admin_groups;   // may also change baits and cordons
    bool operator==(const Control&) const = default;
  } control;  // root and cordond's own user may do all

  std::uint32_t threads = 0;  // 0: one a core
  bool operator==(const Settings&) const = default;
};

}  // namespace cordon::proxy
