"""A real Exim and a real OpenSMTPD as the server behind: what they pass on is what was sent, byte
for byte, under one Received field of theirs and one of Cordon's. Postfix as that server is in
test_peers and test_upstream_postfix."""

import re
import tempfile
import unittest
from pathlib import Path

from certificates import Authority
from exim import Exim
from hops import NextHop, Terms
from house import House, eventually, without_trace
from opensmtpd import OpenSmtpd
from test_dsn import Report, submit
from test_peers import CONTENTS, is_eight_bit
from upstream import Upstream

LOGIN = ("gw", "pass word!")
QUICK = ["cordoning.period=0s", "delivery.first_retry=1s", "delivery.max_retry=1s",
         "delivery.jitter=0", "limits.max_message_octets=60 MiB",
         "listener.0.eight_bit_mime=mirror", "listener.0.smtputf8=mirror"]
# Complete, so that nobody adds what he misses in it.
HEAD = (b"From: anna@in.example\r\nTo: bert@out.example\r\nSubject: %s\r\n"
        b"Date: Sun, 01 Mar 2026 10:00:00 +0000\r\nMessage-ID: <%s@client.example>\r\n\r\n")
WHOLE = {name: HEAD % (name.encode(), name.encode()) + CONTENTS[name] for name in CONTENTS}
LARGE = WHOLE["plain"] + b"".join(b".%07d 0123456789abcdefghijklmnopqrstuvwxyz\r\n" % n
                                  for n in range(25 * 1024 * 1024 // 46))
FIELD = re.compile(rb"Received: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*")


def difference(sent, got):
    """In words; empty if there is none."""
    if sent == got:
        return ""
    at = next((n for n, pair in enumerate(zip(sent, got)) if pair[0] != pair[1]),
              min(len(sent), len(got)))
    return (f"{len(sent)} octets sent, {len(got)} arrived, different from {at} on: "
            f"{sent[at:at + 60]!r} became {got[at:at + 60]!r}")


class Behind:
    """What must work with each of them. Clients speak with Cordon, it with the peer, and that with
    the last server, which writes down what it hears."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cordon-behind-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.last = Upstream(offers=("PIPELINING", "8BITMIME", "DSN", "SMTPUTF8"))
        self.addCleanup(self.last.stop)

    def start(self, *route, terms=Terms()):
        """A house whose gateway has the peer behind it."""
        self.peer = self.peer_class(NextHop(self.last.port), terms).start()
        self.addCleanup(self.peer.stop)
        house = House(*QUICK, start=False)
        house.gateway.settings += [f"route.smarthost.port={self.peer.port}",
                                   *(f"route.smarthost.{words}" for words in route)]
        house.gateway.start()
        return house

    @staticmethod
    def offered(gateway):
        with gateway.client() as session:
            session.ehlo()
            return set(session.esmtp_features)

    def submit(self, house, name, content, recipients=None):
        """To NAME@out.example, or to {recipient: [parameters]}."""
        eventually(lambda: "8bitmime" in self.offered(house.gateway), "what the peer has is learnt")
        submit(house, recipients or {f"{name}@out.example": []}, content,
               options=["BODY=8BITMIME"] if is_eight_bit(content) else [])

    def arrived(self, recipient):
        """(sender, content as the peer got it, the field that the peer put in front)."""
        def taken():
            return [(sender, content) for _, sender, recipients, content in self.last.messages
                    if recipient in recipients]
        try:
            (sender, content), = eventually(taken, f"the message for {recipient}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.peer.log()[-4000:]}") from None
        field = FIELD.match(content)[0]
        return sender, content[len(field):], " ".join(field.decode().split())

    def assert_arrives(self, recipient, sent):
        sender, got, _ = self.arrived(recipient)
        self.assertEqual("anna@in.example", sender)
        self.assertEqual("", difference(sent, without_trace(got)))

    def test_every_content_arrives_byte_for_byte(self):
        with self.start() as house:
            for name, content in WHOLE.items():
                self.submit(house, name, content)
            for name, content in WHOLE.items():
                with self.subTest(content=name):
                    self.assert_arrives(f"{name}@out.example", content)

    def test_many_recipients_and_a_refused_one(self):
        known = [f"person{n}@out.example" for n in range(60)]
        with self.start() as house:
            self.submit(house, "many", WHOLE["dots"], {
                recipient: [] for recipient in [*known[:30], "refused@out.example", *known[30:]]})
            for recipient in known:
                self.assert_arrives(recipient, WHOLE["dots"])
            sender, bounce, _ = self.arrived("anna@in.example")
            self.assertEqual("", sender)
            report = Report(sender, ["anna@in.example"], bounce)
            self.assertEqual({"rfc822; refused@out.example": "failed"}, report.fates())
            self.assertRegex(report.of_recipients[0]["Diagnostic-Code"], r"^smtp; 550 ")

    def test_what_a_sender_asks_to_be_told_goes_on_to_the_last_server(self):
        """One recipient a message: OpenSMTPD refuses NOTIFY=NEVER after another NOTIFY, as if both
        were of the same recipient."""
        wishes = {"bert@out.example": ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Bert+2Bx@out.example"],
                  "carl@out.example": ["NOTIFY=NEVER"]}
        with self.start() as house:
            eventually(lambda: "8bitmime" in self.offered(house.gateway), "the peer is there")
            for recipient, words in wishes.items():
                submit(house, {recipient: words}, WHOLE["plain"],
                       options=["RET=HDRS", "ENVID=QQ+2B314159"])
                self.assert_arrives(recipient, WHOLE["plain"])
            for said in self.last.said("MAIL"):
                self.assertIn(" RET=HDRS ENVID=QQ+2B314159", said)
            self.assertEqual([f"RCPT TO:<{recipient}> {' '.join(words)}"
                              for recipient, words in wishes.items()], self.last.said("RCPT"))


class BehindIsExim(Behind, unittest.TestCase):
    peer_class = Exim

    def secured(self, mechanisms=("PLAIN", "LOGIN")):
        """(authority, terms of a server that asks for TLS and a password); ours is in a file."""
        authority = Authority(self.folder / "keys")
        certificate = authority.server("mx", "mx.example", "IP:127.0.0.1")
        self.password = self.folder / "password"
        self.password.write_text(f"{LOGIN[1]}\n")
        self.password.chmod(0o600)
        return authority, Terms(certificate, LOGIN, mechanisms)

    def credentials(self):
        return [f"user={LOGIN[0]}", f"password_file={self.password}"]

    def test_a_verified_certificate_and_a_password(self):
        for mechanism in ("PLAIN", "LOGIN"):
            authority, terms = self.secured([mechanism])
            with self.subTest(mechanism), self.start(
                    "tls=verify", f"ca_file={authority.file}", *self.credentials(),
                    terms=terms) as house:
                for name in ("dots", "eight-bit"):
                    self.submit(house, f"{name}-{mechanism}", WHOLE[name])
                    self.assert_arrives(f"{name}-{mechanism}@out.example", WHOLE[name])
                _, _, field = self.arrived(f"dots-{mechanism}@out.example")
                self.assertRegex(field, r" with esmtpsa \(TLS1\.3\) ")
                self.assertIn(f"A={mechanism.lower()}_server", self.peer.log())

    def test_25_mebibytes_under_tls(self):
        authority, terms = self.secured()
        with self.start("tls=verify", f"ca_file={authority.file}", *self.credentials(),
                        terms=terms) as house:
            self.submit(house, "large", LARGE)
            self.assert_arrives("large@out.example", LARGE)

    def test_a_certificate_that_nobody_vouches_for_makes_mail_wait(self):
        authority, terms = self.secured()
        other = Authority(self.folder / "other", "Another authority")
        with self.start("tls=verify", f"ca_file={other.file}", *self.credentials(),
                        terms=terms) as house:
            house.gateway.send("anna@in.example", ["bert@out.example"], WHOLE["plain"])
            eventually(lambda: "certificate" in house.gateway.log(), "it is not believed")
            self.assertEqual([], self.last.messages)
            other.file.write_text(authority.file.read_text())
            house.gateway.stop()
            house.gateway.start()
            self.assert_arrives("bert@out.example", WHOLE["plain"])

    def test_a_password_that_is_wrong_makes_mail_wait(self):
        _, terms = self.secured()
        self.password.write_text("another one\n")
        with self.start("tls=required", *self.credentials(), terms=terms) as house:
            house.gateway.send("anna@in.example", ["bert@out.example"], WHOLE["plain"])
            eventually(lambda: "does not take our credentials: 535" in house.gateway.log(),
                       "the operator is told")
            self.assertEqual([], self.last.messages)
            self.password.write_text(f"{LOGIN[1]}\n")
            house.gateway.stop()
            house.gateway.start()
            self.assert_arrives("bert@out.example", WHOLE["plain"])

    def test_internationalized_mail(self):
        with self.start() as house:
            eventually(lambda: "smtputf8" in self.offered(house.gateway), "SMTPUTF8 is learnt")
            content = HEAD.replace(b"bert@", "用户@".encode()) % ("Grüße".encode(), b"1")
            with house.gateway.client() as session:
                session.ehlo()
                session.command_encoding = "utf-8"
                for said in (session.mail("jürgen@bücher.example", ["BODY=8BITMIME", "SMTPUTF8"]),
                             session.rcpt("用户@out.example"), session.data(content)):
                    self.assertEqual(250, said[0], said)
            sender, got, _ = self.arrived("用户@out.example")
            self.assertEqual("jürgen@bücher.example", sender)
            self.assertEqual("", difference(content, without_trace(got)))


class BehindIsOpenSmtpd(Behind, unittest.TestCase):
    peer_class = OpenSmtpd

    def test_25_mebibytes_in_plain(self):
        with self.start() as house:
            self.submit(house, "large", LARGE)
            self.assert_arrives("large@out.example", LARGE)

    def test_smtputf8_is_not_offered_where_it_has_none(self):
        with self.start() as house:
            eventually(lambda: "8bitmime" in self.offered(house.gateway), "its offer is learnt")
            self.assertNotIn("smtputf8", self.offered(house.gateway))

    def test_its_handshake_that_always_fails(self):
        """Debian's version offers STARTTLS and cannot do it: its way to keep the key apart does not
        work with OpenSSL 3. Required TLS waits then, opportunistic goes on without."""
        authority = Authority(self.folder / "keys")
        certificate = authority.server("mx", "mx.example", "IP:127.0.0.1")
        with self.start("tls=required", terms=Terms(certificate, required=False)) as house:
            house.gateway.send("anna@in.example", ["bert@out.example"], WHOLE["plain"])
            eventually(lambda: "454 4.7.5 TLS with the next server failed" in house.gateway.log(),
                       "the mail waits")
            self.assertNotIn("issuer certificate", house.gateway.log())  # nobody asked about it
            self.assertEqual([], self.last.messages)
            house.gateway.stop()
            house.gateway.start(["route.smarthost.tls=opportunistic"])
            self.assert_arrives("bert@out.example", WHOLE["plain"])
            self.assertRegex(house.gateway.log(), r'upstream\.session .* tls=""')


if __name__ == "__main__":
    unittest.main()
