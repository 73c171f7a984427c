"""Real clients under TLS and with AUTH: what arrives is what they sent, and what they ask for is what
they get. Plain ones are in test_peers.py."""

import base64
import json
import os
import subprocess
import unittest

from house import PATIENCE, eventually, free_port, without_trace
from secure import SecureHouse, password_line, write_secret
from test_peers import CONTENTS, is_eight_bit, whole

USER, PASSWORD = "anna", "s3cret"

NODE_SENDS = """
const nodemailer = require('nodemailer');
const given = JSON.parse(require('fs').readFileSync(0));
nodemailer.createTransport(given.transport)
  .sendMail({envelope: given.envelope, raw: Buffer.from(given.content, 'base64')})
  .then(done => console.log(done.response), fault => { console.error(fault); process.exit(1); });
"""


class Clients(unittest.TestCase):
    password = PASSWORD  # that they give

    @classmethod
    def setUpClass(cls):
        cls.implicit_port = free_port()
        house = SecureHouse("listener.0.tls=required", "listener.0.auth=offered", start=False)
        house.gateway.settings += [
            "listener.1.name=submissions", f"listener.1.address=127.0.0.1:{cls.implicit_port}",
            "listener.1.tls=implicit", "listener.1.auth=required",
            "listener.1.eight_bit_mime=yes", f"listener.1.password_file={house.passwords}",
            "limits.max_message_octets=60 MiB"]
        write_secret(house.passwords, password_line(USER, PASSWORD))
        house.gateway.start()
        cls.house = house
        cls.addClassCleanup(house.__exit__, None, None, None)

    def port(self, implicit):
        return self.implicit_port if implicit else self.house.gateway.port

    def run_client(self, *words, stdin=b"", fine=True):
        # Where Debian has the modules of node; one from elsewhere does not look there.
        environment = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
        done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True,
                              timeout=PATIENCE + 60, env=environment)
        if fine:
            self.assertEqual(0, done.returncode, (done.stdout + done.stderr)[-3000:])
        return done

    def file_of(self, content):
        path = self.house.secrets / "content"
        path.write_bytes(content)
        return path

    # ---- each sends one content to one recipient, the way that is asked for

    def by_swaks(self, recipient, content, implicit, auth):
        content = content.removesuffix(b"\r\n")  # swaks always adds one
        words = ["swaks", "--server", "127.0.0.1", "--port", self.port(implicit),
                 "--helo", "client.example", "--from", "anna@in.example", "--to", recipient,
                 "--data", f"@{self.file_of(content)}", "--tls-on-connect" if implicit else "--tls",
                 "--tls-verify", "--tls-ca-path", self.house.authority.file]
        if auth:
            words += ["--auth", auth, "--auth-user", USER, "--auth-password", self.password]
        self.run_client(*words)

    def by_curl(self, recipient, content, implicit, auth):
        words = ["curl", "--silent", "--show-error", "--url",
                 f"smtp{'s' if implicit else ''}://127.0.0.1:{self.port(implicit)}/client.example",
                 "--ssl-reqd", "--cacert", self.house.authority.file,
                 "--mail-from", "anna@in.example", "--mail-rcpt", recipient,
                 "--upload-file", self.file_of(content)]
        if auth:
            words += ["--user", f"{USER}:{self.password}", "--login-options", f"AUTH={auth}"]
        self.run_client(*words)

    def by_msmtp(self, recipient, content, implicit, auth):
        # msmtp reads lines that end in LF.
        words = ["msmtp", "--host=127.0.0.1", f"--port={self.port(implicit)}", "--tls=on",
                 f"--tls-starttls={'off' if implicit else 'on'}", "--domain=client.example",
                 f"--tls-trust-file={self.house.authority.file}", "--from=anna@in.example",
                 f"--auth={auth.lower() if auth else 'off'}",
                 "--set-date-header=off", "--set-msgid-header=off"]
        if auth:
            words += [f"--user={USER}", f"--passwordeval=echo {self.password}"]
        self.run_client(*words, "--", recipient, stdin=content.replace(b"\r\n", b"\n"))

    def by_smtplib(self, recipient, content, implicit, auth):
        self.house.gateway.port, kept = self.port(implicit), self.house.gateway.port
        try:
            session = self.house.implicit() if implicit else self.house.upgraded()
        finally:
            self.house.gateway.port = kept
        with session:
            session.ehlo()
            if auth:
                session.user, session.password = USER, self.password
                session.auth(auth, getattr(session, f"auth_{auth.lower()}"),
                             initial_response_ok=auth == "PLAIN")
            options = ["BODY=8BITMIME"] if is_eight_bit(content) else []
            session.sendmail("anna@in.example", [recipient], content, options)

    def by_nodemailer(self, recipient, content, implicit, auth):
        transport = {"host": "127.0.0.1", "port": self.port(implicit), "secure": implicit,
                     "requireTLS": not implicit, "name": "client.example",
                     "tls": {"ca": self.house.authority.file.read_text()}}
        if auth:
            transport |= {"auth": {"user": USER, "pass": self.password}, "authMethod": auth}
        given = {"transport": transport, "content": base64.b64encode(content).decode(),
                 "envelope": {"from": "anna@in.example", "to": [recipient],
                              "use8BitMime": is_eight_bit(content)}}
        self.run_client("node", "-e", NODE_SENDS, stdin=json.dumps(given).encode())

    # ---- what must arrive

    def arrived(self, recipient):
        def one():
            found = [content for _, recipients, content in self.house.sink.messages()
                     if recipient in recipients]
            return found[0] if found else None
        return eventually(one, f"the message for {recipient}")

    def assert_same(self, sent, got):
        got = without_trace(got)
        if sent != got:
            at = next((n for n, pair in enumerate(zip(sent, got)) if pair[0] != pair[1]),
                      min(len(sent), len(got)))
            self.fail(f"{len(sent)} octets sent, {len(got)} arrived, different from {at} on: "
                      f"{sent[at:at + 60]!r} became {got[at:at + 60]!r}")

    def check(self, client, left_out=(), mechanisms=("PLAIN", "LOGIN")):
        """Every content by STARTTLS without AUTH, one by each way and mechanism."""
        send = getattr(self, f"by_{client}")
        for name in CONTENTS:
            if name in left_out:
                continue
            with self.subTest(client=client, content=name):
                recipient = f"{client}.{name}@in.example"
                send(recipient, whole(name), False, None)
                self.assert_same(whole(name), self.arrived(recipient))
        for implicit in (False, True):
            for mechanism in mechanisms:
                with self.subTest(client=client, implicit=implicit, mechanism=mechanism):
                    recipient = f"{client}.{mechanism.lower()}.{implicit}@in.example"
                    send(recipient, whole("dots"), implicit, mechanism)
                    got = self.arrived(recipient)
                    self.assert_same(whole("dots"), got)
                    self.assertIn(b" with ESMTPSA id ", got)

    def test_smtplib(self):
        self.check("smtplib")

    def test_curl(self):
        self.check("curl")

    def test_swaks(self):
        # A lone dot ends its file, and a header without a body gets an empty line more.
        self.check("swaks", left_out=("dot-at-the-end", "empty"))

    def test_msmtp(self):
        self.check("msmtp")

    def test_nodemailer(self):
        self.check("nodemailer")

    def test_25_mebibytes(self):
        lines = b"".join(b".%07d 0123456789abcdefghijklmnopqrstuvwxyz\r\n" % n
                         for n in range(25 * 1024 * 1024 // 46))
        content = whole("plain") + lines
        self.by_curl("large@in.example", content, True, "PLAIN")
        self.assert_same(content, self.arrived("large@in.example"))

    def test_the_wrong_password_is_the_clients_trouble(self):
        self.password = "wrong"
        for client in ("curl", "msmtp", "nodemailer", "swaks"):
            with self.subTest(client), self.assertRaises(AssertionError) as fault:
                getattr(self, f"by_{client}")("never@in.example", whole("plain"), True, "PLAIN")
            self.assertRegex(str(fault.exception), "535|denied|authentication failed")
        self.assertNotIn("never@in.example", self.house.sink.recipients())

    # ---- openssl(1)

    def s_client(self, *words, fine=True):
        done = self.run_client("openssl", "s_client", "-connect",
                               f"127.0.0.1:{self.house.gateway.port}", "-starttls", "smtp",
                               "-CAfile", self.house.authority.file, "-verify_return_error",
                               "-servername", "gw.example", "-verify_hostname", "gw.example", *words,
                               stdin=b"QUIT\r\n", fine=fine)
        return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def test_openssl_agrees_on_versions_and_certificates(self):
        for version in ("1_2", "1_3"):
            with self.subTest(version):
                said, _ = self.s_client(f"-tls{version}")
                self.assertIn("Verify return code: 0 (ok)", said)
                self.assertRegex(said, r"New, TLSv1\.[23], Cipher is ")
                self.assertIn("Compression: NONE", said)
        said, why = self.s_client("-tls1_1", "-cipher", "ALL:@SECLEVEL=0", fine=False)
        self.assertIn("Cipher is (NONE)", said)
        self.assertRegex(why, "(?i)protocol version|unsupported protocol")

    def test_openssl_may_not_renegotiate(self):
        with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{self.implicit_port}",
                               "-tls1_2", "-CAfile", self.house.authority.file],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as client:
            # Its own handshake must not meet the greeting.
            while not client.stdout.readline().startswith(b"220 "):
                self.assertIsNone(client.poll())
            said, why = client.communicate(b"R\nNOOP\r\n", PATIENCE)
        self.assertIn(b"no renegotiation", why)
        self.assertNotIn(b"250 ", said)


if __name__ == "__main__":
    unittest.main()
