"""Real mail servers in front: Postfix, Exim and OpenSMTPD give all their mail to Cordon, under TLS
and with a password. What Cordon passes on is what their clients sent, byte for byte."""

import re
import smtplib
import unittest

from exim import Exim
from hops import NextHop
from house import PATIENCE, eventually, without_trace
from opensmtpd import OpenSmtpd
from postfix import PostfixRelay
from secure import SecureHouse, password_line, write_secret
from test_behind import FIELD, HEAD, LARGE, WHOLE, difference
from test_dsn import reports
from test_peers import is_eight_bit
from upstream import Upstream

LOGIN = ("relay", "pass word!")
BAIT = "old.archive@in.example"


class InFront:
    """What must work with each of them. Clients speak with the relay, that with Cordon, and that
    with the last server, which writes down what it hears; notices go to the sink."""

    def house(self, *settings):
        self.last = Upstream(offers=("PIPELINING", "8BITMIME", "SMTPUTF8"))
        self.addCleanup(self.last.stop)
        house = SecureHouse("listener.0.tls=required", "listener.0.auth=required",
                            "listener.0.smtputf8=yes", "limits.max_message_octets=60 MiB",
                            "notices.route=notices", *settings, start=False)
        house.gateway.settings += [f"route.smarthost.port={self.last.port}",
                                   f"route.notices.port={house.sink.port}"]
        write_secret(house.passwords, password_line(*LOGIN))
        house.gateway.start()
        return house

    def relay(self, house, mechanism="PLAIN"):
        made = self.relay_class(NextHop(house.gateway.port, house.authority.file, LOGIN, mechanism))
        self.addCleanup(made.stop)
        return made.start()

    @staticmethod
    def client(relay):
        session = smtplib.SMTP("127.0.0.1", relay.port, "client.example", PATIENCE)
        session.ehlo()
        return session

    def submit(self, relay, recipients, content, options=(), parameters=()):
        with self.client(relay) as session:
            if is_eight_bit(content):
                options = ["BODY=8BITMIME", *options]
            for code, words in [session.mail("anna@in.example", options),
                                *(session.rcpt(to, parameters) for to in recipients),
                                session.data(content)]:
                self.assertEqual(250, code, words)

    def arrived(self, relay, recipient):
        """(sender, content as the client sent it, Cordon's field, the relay's field)."""
        def taken():
            return [(sender, content) for _, sender, recipients, content in self.last.messages
                    if recipient in recipients]
        try:
            (sender, content), = eventually(taken, f"the message for {recipient}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{relay.log()[-4000:]}") from None
        below = without_trace(content)
        field = FIELD.match(below)[0]
        return sender, below[len(field):], content[:-len(below)].decode(), field.decode()

    def assert_arrives(self, relay, recipient, sent):
        sender, got, ours, _ = self.arrived(relay, recipient)
        self.assertEqual("anna@in.example", sender)
        self.assertEqual("", difference(sent, got))
        self.assertRegex(ours, r"^Received: from mx\.example \(\[127\.0\.0\.1\]\)")
        self.assertIn(" with ESMTPSA id ", ours)

    def test_every_content_arrives_byte_for_byte(self):
        with self.house() as house:
            relay = self.relay(house)
            for name, content in WHOLE.items():
                self.submit(relay, [f"{name}@out.example"], content)
            for name, content in WHOLE.items():
                with self.subTest(content=name):
                    self.assert_arrives(relay, f"{name}@out.example", content)
            self.assert_spoken(relay)

    def test_25_mebibytes(self):
        with self.house() as house:
            relay = self.relay(house)
            self.submit(relay, ["large@out.example"], LARGE)
            self.assert_arrives(relay, "large@out.example", LARGE)

    def test_many_recipients(self):
        with self.house() as house:
            relay = self.relay(house)
            recipients = [f"person{n}@{domain}.example" for n in range(60) for domain in ("a", "b")]
            self.submit(relay, recipients, WHOLE["dots"])
            for recipient in recipients:
                self.assert_arrives(relay, recipient, WHOLE["dots"])

    def test_who_asks_for_success_is_told_since_the_last_server_has_no_dsn(self):
        with self.house() as house:
            relay = self.relay(house)
            self.submit(relay, ["bert@out.example"], WHOLE["plain"],
                        ["RET=HDRS", "ENVID=QQ+2B314159"],
                        ["NOTIFY=SUCCESS", "ORCPT=rfc822;Bert+2Bx@out.example"])
            self.assert_arrives(relay, "bert@out.example", WHOLE["plain"])
            eventually(lambda: reports(house), "the report arrives")
            report, = reports(house)
            self.assertEqual("QQ+314159", report.of_message["Original-Envelope-Id"])
            self.assertEqual("rfc822; Bert+x@out.example",
                             report.of_recipients[0]["Original-Recipient"])
            self.assertEqual({"rfc822; bert@out.example": "relayed"}, report.fates())

    def test_a_bait_from_a_relay_that_many_share_keeps_back_that_message_only(self):
        with self.house("origin.0.network=127.0.0.1/32", "origin.0.shared=true") as house:
            house.gateway.ctl("bait", "add", BAIT)
            relay = self.relay(house)
            self.submit(relay, ["early@out.example"], WHOLE["plain"])
            self.submit(relay, ["bert@out.example", BAIT], WHOLE["dots"])
            eventually(lambda: house.gateway.rows("quarantine", "list", "ALL"), "it is kept back")
            self.submit(relay, ["late@out.example"], WHOLE["plain"])
            for recipient in ("early@out.example", "late@out.example"):
                self.assert_arrives(relay, recipient, WHOLE["plain"])
            self.assertEqual({"early@out.example", "late@out.example"}, set(self.last.recipients()))
            alert, = house.gateway.rows("alert", "list")
            self.assertEqual("quarantine_message", alert["response"])
            self.assert_all_sent(relay, ["early@out.example", "bert@out.example", BAIT,
                                         "late@out.example"])

    def test_a_relay_that_is_not_known_as_shared_is_cordoned_and_does_not_see_it(self):
        with self.house() as house:
            house.gateway.ctl("bait", "add", BAIT)
            relay = self.relay(house)
            self.submit(relay, [BAIT], WHOLE["dots"])
            eventually(lambda: house.gateway.rows("cordon", "list"), "the cordon")
            late = [f"late{number}@out.example" for number in range(3)]
            for recipient in late:
                self.submit(relay, [recipient], WHOLE["plain"])
            self.assert_all_sent(relay, [BAIT, *late])
            eventually(lambda: len(house.gateway.rows("quarantine", "list", "ALL")) == 4,
                       "all is kept back")
            self.assertEqual([], self.last.messages)

    def assert_all_sent(self, relay, recipients):
        """It has rid itself of the mail for these, and knows of no trouble."""
        def sent():
            lines = [line for line in relay.log().splitlines() if re.search(self.sent, line)]
            return all(any(recipient in line for line in lines) for recipient in recipients)
        eventually(sent, "all is sent")
        self.assertNotRegex(relay.log(), self.trouble)


class MoreThanAll:
    """What OpenSMTPD cannot."""

    def test_auth_login(self):
        with self.house() as house:
            relay = self.relay(house, "LOGIN")
            self.submit(relay, ["bert@out.example"], WHOLE["plain"])
            self.assert_arrives(relay, "bert@out.example", WHOLE["plain"])

    def test_internationalized_mail(self):
        with self.house() as house:
            relay = self.relay(house)
            content = HEAD.replace(b"bert@", "用户@".encode()) % ("Grüße".encode(), b"1")
            with self.client(relay) as session:
                session.command_encoding = "utf-8"
                for said in (session.mail("jürgen@bücher.example", ["BODY=8BITMIME", "SMTPUTF8"]),
                             session.rcpt("用户@out.example"), session.data(content)):
                    self.assertEqual(250, said[0], said)
            sender, got, ours, _ = self.arrived(relay, "用户@out.example")
            self.assertEqual("jürgen@bücher.example", sender)
            self.assertEqual("", difference(content, got))
            self.assertIn(" with UTF8SMTPSA id ", ours)


class InFrontIsPostfix(InFront, MoreThanAll, unittest.TestCase):
    relay_class = PostfixRelay
    sent = r" status=sent "
    trouble = r"status=(?:deferred|bounced)|fatal"

    def assert_spoken(self, relay):
        self.assertIn("Verified TLS connection established to 127.0.0.1", relay.log())


class InFrontIsExim(InFront, MoreThanAll, unittest.TestCase):
    relay_class = Exim
    sent = r" [=-]> "
    trouble = r" == | \*\* |error"

    def assert_spoken(self, relay):
        """TLS, the certificate verified, AUTH, and BDAT (K) for each message."""
        sent = [line for line in relay.log().splitlines() if " => " in line]
        self.assertEqual(len(WHOLE), len(sent))
        for line in sent:
            self.assertRegex(line, r" X=TLS1\.3:\S+ CV=yes A=plain_client K C=")


class InFrontIsOpenSmtpd(InFront, unittest.TestCase):
    relay_class = OpenSmtpd
    sent = r' result="Ok" '
    trouble = r'result="(?:TempFail|PermFail)"|mta error'

    def assert_spoken(self, relay):
        self.assertRegex(relay.log(), r"mta tls ciphers=TLSv1\.3")
        self.assertRegex(relay.log(), r'mta server-cert-check result="success"')


if __name__ == "__main__":
    unittest.main()
