"""Nothing is accepted that would have to bounce: what is offered is what the server behind has, and
who it would refuse is refused at once."""

import smtplib
import unittest

from house import House, eventually, free_port, message
from upstream import Upstream

MIRROR = ["cordoning.period=0s", "listener.0.eight_bit_mime=mirror", "listener.0.smtputf8=mirror"]
VERIFY = ["cordoning.period=0s", "listener.0.verify_recipients=upstream"]


def offer(*extensions):
    """A server's answer to EHLO."""
    lines = [b"mx.example", *extensions]
    return b"\r\n".join(b"250" + (b" " if line is lines[-1] else b"-") + line for line in lines)


class Mirroring(unittest.TestCase):
    def server(self, **script):
        server = Upstream(**script)
        self.addCleanup(server.stop)
        return server

    def house(self, server, *settings):
        house = self.enterContext(House(*settings, start=False))
        house.gateway.settings.append(f"route.smarthost.port={server.port}")
        return house

    def offered(self, house):
        with house.gateway.client() as session:
            session.ehlo()
            return session.esmtp_features

    def test_the_offer_is_that_of_the_server_behind(self):
        server = self.server(EHLO=[offer(b"8BITMIME", b"SMTPUTF8", b"SIZE 100000")] * 9)
        house = self.house(server, *MIRROR)
        house.gateway.start()
        eventually(lambda: "8bitmime" in self.offered(house), "the offer is learnt")
        features = self.offered(house)
        self.assertIn("smtputf8", features)
        self.assertEqual("97952", features["size"])  # less room for the Received field

    def test_what_the_server_lacks_is_not_offered(self):
        server = self.server(EHLO=[offer(b"PIPELINING")] * 9)
        house = self.house(server, *MIRROR)
        house.gateway.start()
        eventually(lambda: server.connections, "it is looked at")
        features = self.offered(house)
        self.assertNotIn("8bitmime", features)
        self.assertNotIn("smtputf8", features)
        self.assertEqual(str(50 << 20), features["size"])
        with house.gateway.client() as session:
            session.ehlo()
            self.assertEqual(555, session.docmd("MAIL FROM:<a@in.example> BODY=8BITMIME")[0])

    def test_a_server_that_is_away_has_nothing_offered_until_it_is_back(self):
        house = self.enterContext(House(*MIRROR, start=False))
        house.gateway.settings.append(f"route.smarthost.port={free_port()}")
        house.gateway.start()
        self.assertNotIn("8bitmime", self.offered(house))
        house.gateway.send("anna@in.example", ["bert@out.example"], message("taken all the same"))
        self.assertEqual(1, house.gateway.status()["accepted"])

    def test_a_delivery_teaches_what_a_server_has_lost(self):
        server = self.server(EHLO=[offer(b"8BITMIME", b"SMTPUTF8")])
        house = self.house(server, *MIRROR, "route.smarthost.idle_timeout=0s")
        house.gateway.start()
        eventually(lambda: "smtputf8" in self.offered(house), "the offer is learnt")
        house.gateway.send("anna@in.example", ["bert@out.example"], message("a look"))
        eventually(server.recipients, "it is delivered")
        eventually(lambda: "smtputf8" not in self.offered(house), "the new offer is learnt")
        self.assertIn("8bitmime", self.offered(house))

    # ---- recipients

    def test_a_typo_is_refused_at_once(self):
        server = self.server(RCPT=[b"550 5.1.1 No such user"])
        house = self.house(server, *VERIFY)
        house.gateway.start()
        with house.gateway.client() as session:
            session.ehlo()
            session.mail("anna@in.example")
            code, text = session.rcpt("tpyo@out.example")
            self.assertEqual((550, b"5.1.1 No such user"), (code, text))
            self.assertEqual(250, session.rcpt("bert@out.example")[0])
            self.assertEqual(250, session.data(message("to one"))[0])
        eventually(server.recipients, "it arrives")
        self.assertEqual(["bert@out.example"], server.recipients())

    def test_a_yes_is_remembered_and_a_no_is_not(self):
        asked = []
        server = self.server(RCPT=[b"550 5.1.1 No such user"])
        server.on_rcpt = asked.append
        house = self.house(server, *VERIFY[1:], "cordoning.period=1h")
        house.gateway.start()
        with house.gateway.client() as session, self.assertRaises(smtplib.SMTPRecipientsRefused):
            session.sendmail("anna@in.example", ["new@out.example"], message("too early"))
        for number in range(3):  # the address was made meanwhile
            house.gateway.send("anna@in.example", ["new@out.example"], message(f"m{number}"))
        self.assertEqual(["new@out.example"] * 2, asked)

    def test_postmaster_is_taken_without_a_question(self):
        server = self.server(RCPT=[b"550 5.1.1 No such user"] * 9)
        house = self.house(server, *VERIFY)
        house.gateway.start()
        with house.gateway.client() as session:
            session.ehlo()
            session.mail("anna@in.example")
            self.assertEqual(250, session.docmd("RCPT TO:<Postmaster>")[0])
            self.assertEqual(250, session.rcpt("postmaster@out.example")[0])
            self.assertEqual(550, session.rcpt("other@out.example")[0])

    def test_what_is_in_doubt_is_taken(self):
        server = self.server(RCPT=[b"450 4.2.0 Greylisted"])
        house = self.house(server, *VERIFY, "delivery.first_retry=1s")
        house.gateway.start()
        house.gateway.send("anna@in.example", ["bert@out.example"], message("greylisted"))
        eventually(server.recipients, "it arrives")

    def test_with_the_server_away_mail_is_taken(self):
        house = self.enterContext(House(*VERIFY, start=False))
        house.gateway.settings.append(f"route.smarthost.port={free_port()}")
        house.gateway.start()
        house.gateway.send("anna@in.example", ["bert@out.example"], message("later"))

    def test_a_bait_is_taken_and_never_asked_about(self):
        asked = []
        server = self.server()
        server.on_rcpt = asked.append
        house = self.house(server, *VERIFY)
        house.gateway.start()
        house.gateway.ctl("bait", "add", "old.list@in.example", "--label", "planted")
        with house.gateway.client() as session:
            session.ehlo()
            session.mail("anna@in.example")
            self.assertEqual((250, b"2.1.5 Ok"), session.rcpt("old.list@in.example"))
            self.assertEqual((250, b"2.1.5 Ok"), session.rcpt("bert@out.example"))
            self.assertEqual(250, session.data(message("bait"))[0])
        self.assertEqual(["postmaster", "bert@out.example"], asked)
        self.assertEqual([], server.recipients())

    def test_a_refused_sender_is_refused_with_a_bait_too(self):
        server = self.server(MAIL=[b"550 5.1.8 Sender address rejected"] * 9)
        house = self.house(server, *VERIFY)
        house.gateway.start()
        house.gateway.ctl("bait", "add", "old.list@in.example", "--label", "planted")
        with house.gateway.client() as session:
            session.ehlo()
            session.mail("eve@bad.example")
            same = (550, b"5.1.8 Sender address rejected")
            self.assertEqual(same, session.rcpt("bert@out.example"))
            self.assertEqual(same, session.rcpt("old.list@in.example"))

    def test_who_refuses_everybody_does_not_tell_a_bait_apart(self):
        server = self.server()
        server.on_rcpt = lambda to: server.script.update(RCPT=[f"550 5.7.1 <{to}>: denied".encode()])
        house = self.house(server, *VERIFY)
        house.gateway.start()
        house.gateway.ctl("bait", "add", "old.list@in.example", "--label", "planted")
        with house.gateway.client() as session:
            session.ehlo()
            session.mail("anna@in.example")
            for to in ("bert@out.example", "old.list@in.example"):
                self.assertEqual((550, f"5.7.1 <{to}>: denied".encode()), session.rcpt(to))

    def test_a_bait_is_remembered_no_longer_than_others(self):
        asked = []
        server = self.server(RCPT=[b"450 4.2.0 Greylisted"] * 9)
        server.on_rcpt = asked.append
        house = self.house(server, *VERIFY)
        house.gateway.start()
        house.gateway.ctl("bait", "add", "old.list@in.example", "--label", "planted")
        for _ in range(2):
            with house.gateway.client() as session:
                session.ehlo()
                session.mail("anna@in.example")
                self.assertEqual(250, session.rcpt("old.list@in.example")[0])
        self.assertEqual(["postmaster"] * 2, asked)


if __name__ == "__main__":
    unittest.main()
