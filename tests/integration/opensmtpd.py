"""A real OpenSMTPD that passes on whatever it gets, as it came, but no mail to refused@...."""

from hops import Terms
from small_root import SmallRoot

EMPTY = "/var/lib/opensmtpd/empty"
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"  # that it believes, in its root


class OpenSmtpd(SmallRoot):
    """Takes no AUTH from clients: it would do that under TLS only, and Debian's version cannot be a
    server under TLS, since its way to keep the key apart does not work with OpenSSL 3."""

    def __init__(self, next_hop, terms=Terms()):
        super().__init__("opensmtpd", "usr/sbin/smtpd", {"opensmtpd": EMPTY, "opensmtpq": EMPTY})
        self.folder(EMPTY[1:])
        self.folder("var/spool/smtpd", mode=0o711)
        self.folder("var/run")
        self.write("etc/smtpd.conf", self.server_side(terms) + self.client_side(next_hop) + (
            "smtp max-message-size 100M\n"
            'match from any for any rcpt-to regex "^refused@" reject\n'
            'match from any for any action "on"\n'))

    def server_side(self, terms):
        """Of smtpd.conf(5)."""
        listen = f"listen on 127.0.0.1 port {self.port} hostname mx.example"
        if not terms.certificate:
            return listen + "\n"
        chain, key = terms.certificate
        self.write("etc/server.pem", chain.read_text())
        self.write_secret("etc/server.key", key.read_text())
        return ('pki mx.example cert "/etc/server.pem"\npki mx.example key "/etc/server.key"\n'
                f"{listen} {'tls-require' if terms.required else 'tls'} pki mx.example\n")

    def client_side(self, next_hop):
        label, login = "", ""
        if next_hop.login:
            self.write_secret("etc/login", "next {}:{}\n".format(*next_hop.login))
            label, login = "next@", " auth <login>"
        url = f"{label}gw.example:{next_hop.port}"
        if next_hop.authority:
            self.write(AUTHORITIES, next_hop.authority.read_text())
            relay = f"smtp+tls://{url} tls"
        else:
            relay = f"smtp+notls://{url}"
        return (("table login file:/etc/login\n" if login else "")
                + f'action "on" relay helo mx.example host {relay}{login}\n')

    def command(self):
        return ["/usr/sbin/smtpd", "-d"]
