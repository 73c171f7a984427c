"""What becomes of an accepted message: held, committed, tried again, bounced; never lost."""

import email
import time
import unittest

from house import House, eventually, free_port, message, without_trace
from upstream import CLOSE, SILENCE, Upstream

# Immediate commits and quick retries: for tests about what comes after the holding.
QUICK = ["cordoning.period=0s", "delivery.first_retry=1s", "delivery.jitter=0"]


def free_ports(count):
    """That many different ones."""
    found = set()
    while len(found) < count:
        found.add(free_port())
    return found


def bounces(house):
    """The notices of failure that came to the sink: [(recipients, parsed)]."""
    return [(recipients, email.message_from_bytes(content))
            for sender, recipients, content in house.sink.messages()
            if b"multipart/report" in content]


class Holding(unittest.TestCase):
    def test_a_message_is_committed_after_its_period_and_not_before(self):
        with House("cordoning.period=2s") as house:
            before = time.time()
            house.gateway.send("anna@in.example", ["bert@out.example"], message("held"))
            answered = time.time()
            self.assertEqual([], house.sink.messages())
            eventually(house.sink.messages, "the message is committed")
            arrived = (house.sink.folder / "000001.eml").stat().st_mtime
            # The file system's clock is a few milliseconds coarse.
            self.assertGreaterEqual(arrived, before + 2 - 0.02)
            self.assertLess(arrived, answered + 2 + 5)
            (sender, recipients, content), = house.sink.messages()
            self.assertEqual(("<anna@in.example>", ["bert@out.example"]), (sender, recipients))
            self.assertEqual(message("held"), without_trace(content))


class Bounces(unittest.TestCase):
    def assert_one_bounce(self, house, recipient, to, status, action="failed"):
        eventually(lambda: bounces(house), "a bounce arrives")
        (recipients, bounce), = bounces(house)
        self.assertEqual([to], recipients)
        sender, = [s for s, _, c in house.sink.messages() if b"multipart/report" in c]
        self.assertEqual("<>", sender)
        self.assertEqual("multipart/report", bounce.get_content_type())
        self.assertEqual("delivery-status", bounce.get_param("report-type"))
        self.assertEqual("auto-replied", bounce["Auto-Submitted"].split(";")[0])
        text, status_part, original = bounce.get_payload()
        self.assertIn(recipient, text.get_payload(decode=True).decode())
        self.assertEqual("message/delivery-status", status_part.get_content_type())
        of_message, of_recipient = status_part.get_payload()
        self.assertEqual("dns; gw.example", of_message["Reporting-MTA"])
        self.assertEqual(f"rfc822; {recipient}", of_recipient["Final-Recipient"])
        self.assertEqual(action, of_recipient["Action"])
        self.assertEqual(status, of_recipient["Status"])
        self.assertEqual("text/rfc822-headers", original.get_content_type())
        self.assertIn("Subject: to be refused", original.get_payload(decode=True).decode())
        return bounce

    def test_a_refused_recipient_is_told_to_a_local_sender(self):
        with House(*QUICK) as house:
            house.gateway.send("anna@in.example", ["bounce1@out.example"],
                               message("to be refused"))
            self.assert_one_bounce(house, "bounce1@out.example", "anna@in.example", "5.1.1")

    def test_a_bounce_for_a_foreign_sender_goes_to_the_operators(self):
        with House(*QUICK) as house:
            house.gateway.send("eve@elsewhere.example", ["bounce1@in.example"],
                               message("to be refused"))
            self.assert_one_bounce(house, "bounce1@in.example", "operator@in.example", "5.1.1")

    def test_a_recipient_refused_at_the_final_dot_bounces(self):
        upstream = Upstream(dot=[b"554 5.6.0 Not that content"])
        self.addCleanup(upstream.stop)
        with self.house_with_route_for_notices(upstream.port) as house:
            house.gateway.send("anna@in.example", ["bert@out.example"], message("to be refused"))
            self.assert_one_bounce(house, "bert@out.example", "anna@in.example", "5.6.0")
        self.assertEqual([], upstream.messages)

    def house_with_route_for_notices(self, port, *settings):
        """Mail goes to `port`, notices to the sink."""
        house = House(*QUICK, "notices.route=notices", *settings, start=False)
        house.gateway.settings += [f"route.smarthost.port={port}",
                                   f"route.notices.port={house.sink.port}"]
        house.gateway.start()
        return house

    def test_what_nobody_wants_to_hear_of_is_not_bounced(self):
        with House(*QUICK) as house:
            # The null sender: a bounce of a bounce.
            house.gateway.send("", ["bounce1@in.example"], message("null"))
            with house.gateway.client() as session:
                session.ehlo()
                session.mail("anna@in.example")
                self.assertEqual(250, session.rcpt("bounce2@in.example", ["NOTIFY=NEVER"])[0])
                self.assertEqual(250, session.rcpt("bounce3@in.example", ["NOTIFY=DELAY"])[0])
                self.assertEqual(250, session.data(message("never"))[0])
            eventually(lambda: house.gateway.log().count("outcome=failed") == 3, "all are refused")
            house.gateway.send("anna@in.example", ["bounce4@in.example"],
                               message("to be refused"))
            # The only one, though it was asked for last.
            self.assert_one_bounce(house, "bounce4@in.example", "anna@in.example", "5.1.1")

    def test_each_recipient_has_a_fate_of_its_own(self):
        with House(*QUICK) as house:
            house.gateway.send("anna@in.example",
                               ["good@in.example", "bounce1@in.example", "later@in.example"],
                               message("to be refused"))
            eventually(lambda: "later@in.example" in house.sink.recipients(), "the second try")
            self.assert_one_bounce(house, "bounce1@in.example", "anna@in.example", "5.1.1")
            copies = [recipients for _, recipients, content in house.sink.messages()
                      if b"multipart/report" not in content]
            self.assertEqual([["good@in.example"], ["later@in.example"]], copies)

    def test_a_refusal_is_told_also_when_the_answer_to_the_rest_is_lost(self):
        upstream = Upstream(RCPT=[b"550 5.1.1 Unknown"], dot=[CLOSE])
        self.addCleanup(upstream.stop)
        with self.house_with_route_for_notices(upstream.port) as house:
            house.gateway.send("anna@in.example", ["gone@out.example", "bert@out.example"],
                               message("to be refused"))
            eventually(upstream.recipients, "the rest is tried again")
            self.assert_one_bounce(house, "gone@out.example", "anna@in.example", "5.1.1")
            self.assertEqual(["bert@out.example"], upstream.recipients())

    def test_what_cannot_be_delivered_in_its_lifetime_bounces_over_the_route_of_notices(self):
        upstream = Upstream(RCPT=[b"450 4.2.0 Greylisted"] * 2)
        self.addCleanup(upstream.stop)
        with self.house_with_route_for_notices(  # the last try is at the end of the lifetime
                upstream.port, "delivery.first_retry=120s", "delivery.queue_lifetime=2s") as house:
            house.gateway.send("anna@in.example", ["bert@out.example"], message("to be refused"))
            bounce = self.assert_one_bounce(house, "bert@out.example", "anna@in.example", "4.4.7")
            of_recipient = bounce.get_payload(1).get_payload(1)
            self.assertEqual("smtp; 450 4.2.0 Greylisted", of_recipient["Diagnostic-Code"])
            self.assertEqual("dns; mx.example", of_recipient["Remote-MTA"])
            self.assertEqual([], upstream.script["RCPT"])


class Retries(unittest.TestCase):
    def test_an_upstream_that_comes_up_later_gets_all(self):
        with House(*QUICK) as house:
            house.sink.stop()
            for number in range(3):
                house.gateway.send("anna@in.example", [f"bert{number}@in.example"], message("wait"))
            eventually(lambda: house.gateway.log().count("outcome=deferred") >= 3, "first tries")
            house.sink.start()
            eventually(lambda: len(house.sink.messages()) == 3, "all arrive")
            self.assertEqual([f"bert{number}@in.example" for number in range(3)],
                             house.sink.recipients())

    # Each is one bad moment of the upstream; all at once, every one on a listener and route of its
    # own. Nothing is lost, and nobody hears of it.
    TROUBLES = {
        "no-greeting": {"connect": [CLOSE]},
        "busy": {"connect": [b"421 4.3.2 Too busy"]},
        "refusing": {"connect": [b"554 5.3.2 Down for the day"]},
        "mute": {"connect": [SILENCE]},
        "lost-at-ehlo": {"EHLO": [CLOSE]},
        "421-at-mail": {"MAIL": [b"421 4.3.2 Going down"]},
        "451-at-mail": {"MAIL": [b"451 4.3.0 Try again"]},
        "mute-at-mail": {"MAIL": [SILENCE]},
        "450-at-rcpt": {"RCPT": [b"450 4.2.0 Greylisted"]},
        "421-at-rcpt": {"RCPT": [b"421 4.3.2 Going down"]},
        "lost-at-rcpt": {"RCPT": [CLOSE]},
        "451-at-data": {"DATA": [b"451 4.3.0 Try again"]},
        "lost-in-content": {"content": [CLOSE]},
        "lost-at-dot": {"dot": [CLOSE]},
        "421-at-dot": {"dot": [b"421 4.3.2 Going down"]},
        "452-at-dot": {"dot": [b"452 4.3.1 Full"]},
        "mute-at-dot": {"dot": [SILENCE]},
        "nonsense": {"MAIL": [b"hello?"]},
        "endless": {"EHLO": [b"250-" + b"x" * 100_000]},
        "twice": {"MAIL": [CLOSE, b"451 4.3.0 Try again"]},
    }

    def test_no_trouble_with_the_upstream_loses_or_bounces_a_message(self):
        house = House(*QUICK, "delivery.command_timeout=1s", "delivery.data_timeout=1s",
                      "notices.route=notices", start=False)
        house.gateway.settings.append(f"route.notices.port={house.sink.port}")
        ports, upstreams = dict(zip(self.TROUBLES, free_ports(len(self.TROUBLES)))), {}
        for number, (name, script) in enumerate(self.TROUBLES.items(), 1):
            upstreams[name] = Upstream(**script)
            self.addCleanup(upstreams[name].stop)
            house.gateway.settings += [
                f"listener.{number}.name={name}", f"listener.{number}.route={name}",
                f"listener.{number}.address=127.0.0.1:{ports[name]}",
                f"route.{name}.port={upstreams[name].port}",
                f"route.{name}.connect_timeout=1s",
            ]
        content = message("unlucky", ".dot\r\n" * 3)
        with house:
            house.gateway.start()
            for name, house.gateway.port in ports.items():
                house.gateway.send("anna@in.example", [f"{name}@out.example"], content)
            for name, upstream in upstreams.items():
                with self.subTest(trouble=name):
                    eventually(lambda: upstream.messages, f"{name}: the next try succeeds")
                    self.assertEqual([f"{name}@out.example"], upstream.recipients())
                    self.assertEqual(content, without_trace(upstream.messages[0][3]))
            self.assertEqual([], house.sink.messages())

    def recorded_as_perhaps_received(self, answer_to_the_dot):
        upstream = Upstream(dot=[answer_to_the_dot])
        self.addCleanup(upstream.stop)
        with House("cordoning.period=0s", f"route.smarthost.port={upstream.port}") as house:
            house.gateway.send("anna@in.example", ["bert@out.example"], message("perhaps"))
            eventually(lambda: any(row["attempts"] == 1
                                   for row in house.gateway.rows("queue", "list")),
                       "a first try is recorded")
            return [(row["recipient"], row["certain"])
                    for row in house.gateway.rows("revocation", "list")]

    def test_who_may_have_it_is_on_record_while_the_message_waits_for_the_next_try(self):
        self.assertEqual([("bert@out.example", False)], self.recorded_as_perhaps_received(CLOSE))
        self.assertEqual([], self.recorded_as_perhaps_received(b"452 4.3.1 Full"))


class Connections(unittest.TestCase):
    def deliver_in_turn(self, house, upstream, count):
        for number in range(count):
            house.gateway.send("anna@in.example", [f"to{number}@out.example"], message("in turn"))
            eventually(lambda: len(upstream.messages) == number + 1, "it arrives")

    def test_messages_share_an_upstream_connection(self):
        upstream = Upstream()
        self.addCleanup(upstream.stop)
        with House(*QUICK, f"route.smarthost.port={upstream.port}") as house:
            self.deliver_in_turn(house, upstream, 6)
        self.assertEqual(1, upstream.connections)

    def test_a_connection_carries_no_more_than_its_share(self):
        upstream = Upstream()
        self.addCleanup(upstream.stop)
        with House(*QUICK, f"route.smarthost.port={upstream.port}",
                   "route.smarthost.max_messages_per_connection=2") as house:
            self.deliver_in_turn(house, upstream, 6)
        self.assertEqual([1, 1, 2, 2, 3, 3], [number for number, *_ in upstream.messages])

    def test_a_connection_that_the_upstream_closed_while_idle_is_not_used_again(self):
        upstream = Upstream()
        self.addCleanup(upstream.stop)
        with House(*QUICK, f"route.smarthost.port={upstream.port}") as house:
            self.deliver_in_turn(house, upstream, 1)
            upstream.close_connections()
            house.gateway.send("anna@in.example", ["next@out.example"], message("next"))
            eventually(lambda: len(upstream.messages) == 2, "it arrives by a new connection")
        self.assertEqual([1, 2], [number for number, *_ in upstream.messages])


if __name__ == "__main__":
    unittest.main()
