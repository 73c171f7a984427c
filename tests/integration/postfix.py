"""A real Postfix as the upstream: its own configuration, queue, mailboxes and port; the system's is
not touched. It leaves the content of a message alone and keeps it in one Maildir."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from house import eventually, free_port, port_open

DOMAINS = ["in.example", "out.example"]

# Each line that is not plumbing keeps Postfix from editing mail, so that what lies in the Maildir
# shows what Cordon sent: no address rewriting, no added or dropped fields, no limits.
MAIN = """
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {log}
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
default_process_limit = 8

myhostname = mx.example
mydestination =
local_transport = error:no local mail here
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = regexp:{config}/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}

local_header_rewrite_clients =
message_drop_headers =
header_size_limit = 1000000
message_size_limit = 0
mailbox_size_limit = 0
virtual_mailbox_limit = 0
"""

MASTER = """
127.0.0.1:{port} inet n - n - 40 smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n -  0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -  - trivial-rewrite
bounce    unix  - - n -  0 bounce
defer     unix  - - n -  0 bounce
trace     unix  - - n -  0 bounce
verify    unix  - - n -  1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -  - proxymap
smtp      unix  - - n -  - smtp
showq     unix  n - n -  - showq
error     unix  - - n -  - error
retry     unix  - - n -  - error
discard   unix  - - n -  - discard
virtual   unix  - n n -  - virtual
anvil     unix  - - n -  1 anvil
scache    unix  - - n -  1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


def overridden(first, then):
    """One line a name. Postfix would take two and warn of them in its log, also where postlogd,
    which writes the log, begins; if others filled its socket meanwhile it would wait for itself."""
    lines = {line.partition("=")[0].strip(): line for line in (first + then).splitlines() if line}
    return "\n".join(lines.values()) + "\n"


class Postfix:
    """Runs from start() to stop(). `settings`: lines of main.cf that override the ones above."""

    def __init__(self, settings=""):
        if os.geteuid() != 0:
            raise unittest.SkipTest("Postfix starts only as root")
        if shutil.which("postfix", path="/usr/sbin:/usr/bin") is None:
            raise unittest.SkipTest("the Debian package postfix is not installed")
        self.root = Path(tempfile.mkdtemp(prefix="cordon-postfix-"))
        self.port = free_port()
        self.config = self.root / "config"
        self.mail = self.root / "mail"
        self.log_file = self.root / "maillog"
        self.read = set()
        self.found = {}
        self.lay_out(settings)

    def lay_out(self, settings):
        postfix, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        self.root.chmod(0o755)
        folders = {name: self.root / name for name in ("config", "queue", "data", "mail")}
        for folder in folders.values():
            folder.mkdir()
        os.chown(folders["data"], postfix.pw_uid, postfix.pw_gid)
        os.chown(folders["mail"], nobody.pw_uid, nobody.pw_gid)
        (self.config / "main.cf").write_text(overridden(MAIN.format(
            root=self.root, log=self.log_file, domains=" ".join(DOMAINS), uid=nobody.pw_uid,
            gid=nobody.pw_gid, **folders), settings))
        (self.config / "master.cf").write_text(MASTER.format(port=self.port))
        (self.config / "mailboxes").write_text("/./ all/\n")

    def command(self, word):
        return subprocess.run(["/usr/sbin/postfix", "-c", self.config, word], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def start(self):
        done = self.command("start")
        if done.returncode != 0:
            raise AssertionError(f"postfix start: {done.stdout}{done.stderr}{self.log()}")
        try:
            eventually(lambda: port_open(self.port), "Postfix listens")
        except AssertionError as late:
            self.stop()
            raise AssertionError(f"{late}\n{self.log()}") from None
        return self

    def stop(self):
        """Ends the master, and with it all that it started; then the folders go."""
        self.command("stop")
        if self.command("status").returncode == 0:
            self.command("abort")
        shutil.rmtree(self.root, ignore_errors=True)

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def delivered(self):
        """{recipient: [Delivered]} of all that has arrived: virtual(8) makes a file for each."""
        for path in sorted((self.mail / "all" / "new").glob("*")):
            if path not in self.read:
                self.read.add(path)
                message = Delivered(path.read_bytes())
                self.found.setdefault(message.recipient, []).append(message)
        return self.found


# Everything goes on, as it came; what fails is tried again at once.
RELAY = """
virtual_mailbox_domains =
relayhost = [127.0.0.1]:{hop.port}
smtp_dns_support_level = disabled
smtp_line_length_limit = 0
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
"""
RELAY_TLS = """
smtp_tls_security_level = secure
smtp_tls_CAfile = {hop.authority}
smtp_tls_secure_cert_match = gw.example
smtp_tls_loglevel = 1
"""
RELAY_LOGIN = """
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{ {{ [127.0.0.1]:{hop.port} = {hop.login[0]}:{hop.login[1]} }} }}
smtp_sasl_security_options = noanonymous
smtp_sasl_mechanism_filter = {hop.mechanism}
"""


class PostfixRelay(Postfix):
    """Passes on whatever it gets, as it came."""

    def __init__(self, next_hop):
        settings = (RELAY + (RELAY_TLS if next_hop.authority else "")
                    + (RELAY_LOGIN if next_hop.login else ""))
        super().__init__(settings.format(hop=next_hop))


class Delivered:
    """A stored message taken apart: Postfix's own fields, and below them what Postfix was sent."""

    # The order in which virtual(8) and smtpd(8) put them in front.
    FIELDS = re.compile(rb"Return-Path: <(?P<sender>[^\n]*)>\n"
                        rb"X-Original-To: (?P<original>[^\n]*)\n"
                        rb"Delivered-To: (?P<recipient>[^\n]*)\n"
                        rb"Received: from gw\.example [^\n]*\n"
                        rb"\tby mx\.example \(Postfix\) [^\n]*\n"
                        rb"(?:\tfor [^\n]*\n|\t[^\n]*\n)*")

    def __init__(self, stored):
        match = self.FIELDS.match(stored)
        if not match:
            raise AssertionError(f"not Postfix's fields in front: {stored[:400]!r}")
        self.sender = match["sender"].decode()
        self.recipient = match["recipient"].decode()
        # Postfix refuses no line end and SMTP has only CRLF: the way back is exact.
        self.content = stored[match.end():].replace(b"\n", b"\r\n")
