"""A real Exim that passes on whatever it gets, as it came, but no mail to refused@..."""

from hops import Terms
from small_root import SmallRoot

USER = "Debian-exim"
FOLDER = "etc/exim4"  # in its root

# Nothing limits or changes a message between the two sides.
CONFIG = """
primary_hostname = mx.example
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
log_file_path = /var/log/%slog
keep_environment =
message_size_limit = 0
dsn_advertise_hosts = *
{server_options}
acl_smtp_rcpt = check_recipient

begin acl
check_recipient:
  deny local_parts = refused
       message = 5.1.1 No such mailbox
{conditions}
  accept

begin routers
on:
  driver = manualroute
  route_list = * gw.example byname
  self = send
  transport = on

begin transports
on:
  driver = smtp
  port = {next_port}
  allow_localhost
  message_linelength_limit = 1G
{client_options}

begin retry
* * F,1h,1s

begin authenticators
"""

SERVER_TLS = """
tls_advertise_hosts = *
tls_certificate = /{folder}/server.pem
tls_privatekey = /{folder}/server.key
"""
CLIENT_TLS = """
  hosts_require_tls = *
  tls_verify_certificates = /{folder}/authority.pem
  tls_verify_hosts = *
"""

# {0}: the user, {1}: the password.
SERVER_LOGIN = {
    "PLAIN": """
plain_server:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{0}}}}}{{eq{{$auth3}}{{{1}}}}}}}}}
""",
    "LOGIN": """
login_server:
  driver = plaintext
  public_name = LOGIN
  server_prompts = User Name : Password
  server_condition = ${{if and{{{{eq{{$auth1}}{{{0}}}}}{{eq{{$auth2}}{{{1}}}}}}}}}
""",
}
CLIENT_LOGIN = {
    "PLAIN": """
plain_client:
  driver = plaintext
  public_name = PLAIN
  client_send = ^{0}^{1}
""",
    "LOGIN": """
login_client:
  driver = plaintext
  public_name = LOGIN
  client_send = : {0} : {1}
""",
}


class Exim(SmallRoot):
    def __init__(self, next_hop, terms=Terms()):
        super().__init__("exim4-daemon-light", "usr/sbin/exim4", {USER: "/var/spool/exim4"})
        self.folder("var/spool/exim4", USER)
        self.folder("var/log", USER)
        config = CONFIG.format(
            port=self.port, next_port=next_hop.port, server_options=self.server_options(terms),
            conditions=self.conditions(terms), client_options=self.client_options(next_hop))
        if terms.login:
            config += "".join(SERVER_LOGIN[name].format(*terms.login) for name in terms.mechanisms)
        if next_hop.login:
            config += CLIENT_LOGIN[next_hop.mechanism].format(*next_hop.login)
        self.write(f"{FOLDER}/exim4.conf", config)

    def server_options(self, terms):
        if not terms.certificate:
            return "tls_advertise_hosts =\n"
        chain, key = terms.certificate
        self.write(f"{FOLDER}/server.pem", chain.read_text())
        self.write_secret(f"{FOLDER}/server.key", key.read_text(), USER)
        return SERVER_TLS.format(folder=FOLDER)

    @staticmethod
    def conditions(terms):
        return (("  deny !encrypted = *\n" if terms.certificate and terms.required else "")
                + ("  deny !authenticated = *\n" if terms.login else ""))

    def client_options(self, next_hop):
        wants_login = "  hosts_require_auth = *\n" if next_hop.login else ""
        if not next_hop.authority:
            return "  hosts_avoid_tls = *\n" + wants_login
        self.write(f"{FOLDER}/authority.pem", next_hop.authority.read_text())
        return CLIENT_TLS.format(folder=FOLDER) + wants_login

    def command(self):
        return ["/usr/sbin/exim4", "-bdf", "-q1s"]

    def log(self):
        logs = sorted((self.root / "var/log").glob("*log"))
        return "".join(path.read_text(errors="replace") for path in logs)
