"""What the tests of TLS and AUTH share: a gateway with certificates and a password file, and clients
that speak TLS."""

import crypt
import os
import shutil
import smtplib
import socket
import ssl
import tempfile
from pathlib import Path

from certificates import Authority
from house import PATIENCE, House
from test_sessions import Raw

USER, PASSWORD = "anna", "s3cret: grün"


def password_line(user=USER, password=PASSWORD, method="$y$j9T$"):
    """A line of a password file, hashed by the system's crypt as mkpasswd does."""
    salt = method + "F5Jx5fExrKuPp53xLKQ..1"
    return f"{user}:{crypt.crypt(password, salt)}\n"


def write_secret(path, text):
    """A file that nobody else may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text)


class SecureHouse(House):
    """Its gateway's certificate is for gw.example and 127.0.0.1, and a second one for
    other.example."""

    def __init__(self, *settings, start=True):
        self.secrets = Path(tempfile.mkdtemp(prefix="cordon-secrets-"))
        self.authority = Authority(self.secrets)
        self.chain, self.key = self.authority.server("gw", "gw.example", "IP:127.0.0.1")
        self.other_chain, self.other_key = self.authority.server("other", "other.example")
        self.passwords = self.secrets / "passwords"
        write_secret(self.passwords, password_line())
        try:
            super().__init__(
                f"certificate.0.chain={self.chain}", f"certificate.0.key={self.key}",
                f"certificate.1.chain={self.other_chain}", f"certificate.1.key={self.other_key}",
                f"listener.0.password_file={self.passwords}", "cordoning.period=0s", *settings,
                start=start)
        except BaseException:
            shutil.rmtree(self.secrets)
            raise

    def __exit__(self, *about):
        try:
            super().__exit__(*about)
        finally:
            shutil.rmtree(self.secrets)

    def context(self):
        """Of a client that believes the authority."""
        return ssl.create_default_context(cafile=self.authority.file)

    def implicit(self):
        """A smtplib session under TLS from the first octet."""
        return smtplib.SMTP_SSL("127.0.0.1", self.gateway.port, local_hostname="client.example",
                                timeout=PATIENCE, context=self.context())

    def upgraded(self, source="127.0.0.1"):
        """A smtplib session after STARTTLS."""
        session = self.gateway.client(source)
        session.starttls(context=self.context())
        return session


class SecureRaw(Raw):
    """A client that sends any bytes, under TLS."""

    def __init__(self, port, context, name="gw.example"):
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket = context.wrap_socket(plain, server_hostname=name)
        self.replies = self.socket.makefile("rb")


class UpgradedRaw(Raw):
    """The same by STARTTLS; its greeting and the replies to EHLO and STARTTLS are read."""

    def __init__(self, port, context, name="gw.example"):
        super().__init__(port)
        replies = self.dialogue(b"EHLO client.example", b"STARTTLS")
        if [reply[:3] for reply in replies] != [b"220", b"250", b"220"]:
            raise AssertionError(replies)
        self.replies.close()
        self.socket = context.wrap_socket(self.socket, server_hostname=name)
        self.replies = self.socket.makefile("rb")

    def command(self, line):
        self.send(line + b"\r\n")
        return self.reply()


def without_verifying(version=None):
    """A client that takes any certificate; `version` is the only one that it speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    return context


def extensions(session):
    """What a smtplib session was offered, as after a fresh EHLO."""
    session.ehlo()
    return set(session.esmtp_features)
