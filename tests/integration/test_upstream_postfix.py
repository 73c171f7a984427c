"""A real Postfix behind that asks for TLS and a password, or for a PROXY header: what it writes into
its Received field is what it understood."""

import base64
import re
import smtplib
import socket
import tempfile
import threading
import unittest
from pathlib import Path

from certificates import Authority
from house import House, eventually, message
from postfix import Postfix
from secure import SecureHouse
from test_sessions import Raw

QUICK = ["cordoning.period=0s", "delivery.first_retry=1s", "delivery.max_retry=1s",
         "delivery.jitter=0"]


class PasswordCheck:
    """In the place of Dovecot's auth service, which Postfix can ask over a socket (Dovecot
    authentication protocol 1.1): PLAIN and LOGIN for one user."""

    def __init__(self, folder, user, password, mechanisms=("PLAIN", "LOGIN")):
        self.right = (user, password)
        self.mechanisms = mechanisms
        folder.chmod(0o755)
        self.path = folder / "auth"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.path.chmod(0o777)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        def say(*words):
            connection.sendall("\t".join(words).encode() + b"\n")

        def ask(request, prompt):
            say("CONT", request, base64.b64encode(prompt).decode())
            return base64.b64decode(lines.readline().split("\t")[2]).decode()

        with connection, connection.makefile("r") as lines:
            say("VERSION", "1", "1")
            for mechanism in self.mechanisms:
                say("MECH", mechanism, "plaintext")
            for words in (("SPID", "1"), ("CUID", "1"), ("COOKIE", "0" * 32), ("DONE",)):
                say(*words)
            for line in lines:
                words = line.rstrip("\n").split("\t")
                if words[0] != "AUTH":
                    continue
                request, mechanism = words[1:3]
                response = [word[5:] for word in words if word.startswith("resp=")]
                if mechanism == "LOGIN":
                    told = (ask(request, b"User Name"), ask(request, b"Password"))
                else:
                    told = tuple(base64.b64decode(response[0]).decode().split("\0")[1:])
                say("OK" if told == self.right else "FAIL", request, f"user={told[0]}")

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Behind(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cordon-keys-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.password = self.folder / "password"
        self.password.write_text("pass word!\n")
        self.password.chmod(0o600)

    def postfix(self, settings):
        postfix = Postfix(settings)
        self.addCleanup(postfix.stop)
        return postfix.start()

    def house(self, postfix, *settings):
        house = House(*QUICK, start=False)
        house.gateway.settings += [f"route.smarthost.port={postfix.port}",
                                   *(f"route.smarthost.{setting}" for setting in settings)]
        house.gateway.start()
        return house

    def received(self, postfix):
        """The field that Postfix put in front of the message that arrives, on one line."""
        def stored():
            return [path.read_text() for path in (postfix.mail / "all" / "new").glob("*")]
        try:
            text, = eventually(stored, "it arrives")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{postfix.log()}") from None
        field = re.search(r"^Received: (?:.*\n)(?:[ \t].*\n)*", text, re.M)[0]
        return " ".join(field.split())

    def test_tls_and_a_password(self):
        authority = Authority(self.folder / "keys")
        chain, key = authority.server("mx", "mx.example", "IP:127.0.0.1")
        check = PasswordCheck(self.folder, "gw", "pass word!")
        self.addCleanup(check.stop)
        postfix = self.postfix(
            f"smtpd_tls_cert_file = {chain}\nsmtpd_tls_key_file = {key}\n"
            "smtpd_tls_security_level = encrypt\nsmtpd_tls_received_header = yes\n"
            "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_authenticated_header = yes\n"
            f"smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {check.path}\n"
            "smtpd_client_restrictions = permit_sasl_authenticated, reject\n")
        with self.house(postfix, "tls=verify", f"ca_file={authority.file}", "user=gw",
                        f"password_file={self.password}") as house:
            house.gateway.send("anna@in.example", ["bert@in.example"], message("one"))
            received = self.received(postfix)
            self.assertIn("TLSv1.3", received)
            self.assertIn("(Authenticated sender: gw)", received)
            self.assertIn("ESMTPSA", received)
            self.assertNotIn("outcome=deferred", house.gateway.log())

    def test_a_client_logs_in_there_and_its_mail_leaves_by_that_login(self):
        authority = Authority(self.folder / "keys")
        chain, key = authority.server("mx", "mx.example", "IP:127.0.0.1")
        check = PasswordCheck(self.folder, "anna", "pass word!")
        self.addCleanup(check.stop)
        postfix = self.postfix(
            f"smtpd_tls_cert_file = {chain}\nsmtpd_tls_key_file = {key}\n"
            "smtpd_tls_security_level = encrypt\nsmtpd_tls_auth_only = yes\n"
            "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_authenticated_header = yes\n"
            f"smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {check.path}\n"
            "smtpd_client_restrictions = permit_sasl_authenticated, reject\n")
        with SecureHouse("listener.0.tls=required", "listener.0.auth=required",
                         "listener.0.auth_verify=upstream", "listener.0.password_file=",
                         f"credentials.directory={self.folder}/credentials",
                         f"route.smarthost.port={postfix.port}", "route.smarthost.tls=verify",
                         f"route.smarthost.ca_file={authority.file}") as house:
            eventually(lambda: "upstream.session" in house.gateway.log(), "it is seen")
            with house.upgraded() as session:
                with self.assertRaises(smtplib.SMTPAuthenticationError) as refused:
                    session.login("anna", "wrong")
                self.assertEqual(535, refused.exception.smtp_code)
                self.assertIn(b"5.7.8 Error: authentication failed", refused.exception.smtp_error)
                session.login("anna", "pass word!")
                session.sendmail("anna@in.example", ["bert@in.example"], message("one"))
            received = self.received(postfix)
            self.assertIn("(Authenticated sender: anna)", received)
            self.assertIn("ESMTPSA", received)

    def test_a_wrong_password_makes_mail_wait(self):
        authority = Authority(self.folder / "keys")
        chain, key = authority.server("mx", "mx.example", "IP:127.0.0.1")
        check = PasswordCheck(self.folder, "gw", "another one", mechanisms=["LOGIN"])
        self.addCleanup(check.stop)
        postfix = self.postfix(
            f"smtpd_tls_cert_file = {chain}\nsmtpd_tls_key_file = {key}\n"
            "smtpd_tls_security_level = may\nsmtpd_sasl_auth_enable = yes\n"
            f"smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {check.path}\n")
        with self.house(postfix, "user=gw", f"password_file={self.password}") as house:
            house.gateway.send("anna@in.example", ["bert@in.example"], message("one"))
            eventually(lambda: "does not take our credentials: 535 5.7.8" in house.gateway.log(),
                       "the operator is told")
            self.assertEqual(1, len(house.gateway.rows("queue", "list")))
            check.right = ("gw", "pass word!")
            self.assertIn("ESMTPSA", self.received(postfix))

    def test_the_client_is_told_by_a_proxy_header(self):
        postfix = self.postfix("smtpd_upstream_proxy_protocol = haproxy\n")
        with self.house(postfix, "tell_client=proxy") as house:
            house.gateway.send("anna@in.example", ["bert@in.example"], message("one"),
                               source="127.0.0.9")
            self.assertIn("from gw.example (unknown [127.0.0.9])", self.received(postfix))

    def test_our_own_mail_is_told_as_ours_by_a_proxy_header(self):
        postfix = self.postfix("smtpd_upstream_proxy_protocol = haproxy\n"
                               "mynetworks = 127.0.0.1/32\n")
        with self.house(postfix, "tell_client=proxy") as house:
            house.gateway.send("anna@in.example", ["bert@elsewhere.example"], message("one"),
                               source="127.0.0.9")  # Postfix does not relay for that one
            self.assertIn("from gw.example (unknown [127.0.0.1])", self.received(postfix))
            self.assertIn("RCPT from unknown[127.0.0.9]: 554 5.7.1", postfix.log())

    def test_the_client_is_told_by_xclient(self):
        postfix = self.postfix("smtpd_authorized_xclient_hosts = 127.0.0.1\n")
        with self.house(postfix, "tell_client=xclient") as house:
            house.gateway.send("anna@in.example", ["bert@in.example"], message("one"),
                               source="127.0.0.9")
            self.assertIn("from client.example (unknown [127.0.0.9])", self.received(postfix))
            self.assertIn(": client=unknown[127.0.0.9]", postfix.log())

    def test_port_name_and_login_are_told_by_xclient(self):
        check = PasswordCheck(self.folder, "gw", "pass word!")
        self.addCleanup(check.stop)
        postfix = self.postfix(
            "smtpd_authorized_xclient_hosts = 127.0.0.1\nsmtpd_client_port_logging = yes\n"
            "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_authenticated_header = yes\n"
            f"smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {check.path}\n")
        with self.house(postfix, "tell_client=xclient") as house:
            house.gateway.stop()
            house.gateway.settings.append("listener.0.xclient=127.0.0.1/32")
            house.gateway.start()
            with Raw(house.gateway.port) as raw:
                raw.dialogue(b"EHLO relay.example",
                             b"XCLIENT NAME=pc.example ADDR=127.0.0.77 PORT=4711 HELO=pc LOGIN=eve",
                             b"EHLO relay.example", b"MAIL FROM:<anna@in.example>",
                             b"RCPT TO:<bert@in.example>", b"DATA")
                raw.send(b"Subject: one\r\n\r\nText.\r\n.\r\n")
                self.assertEqual(b"250", raw.reply()[:3])
            received = self.received(postfix)
            self.assertIn("from pc (pc.example [127.0.0.77]) (Authenticated sender: eve)",
                          received)
            log = postfix.log()
            self.assertIn(": client=pc.example[127.0.0.77]:4711, ", log)
            self.assertIn("sasl_username=eve", log)


if __name__ == "__main__":
    unittest.main()
