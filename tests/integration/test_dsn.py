"""What senders are told of their mail (RFC 3461, RFC 3464), and mail that goes round in circles."""

import email
import email.policy
import email.utils
import unittest

from house import House, eventually, free_port, message, without_trace
from upstream import Session, Upstream

QUICK = ["cordoning.period=0s", "delivery.first_retry=1s", "delivery.max_retry=1s",
         "delivery.jitter=0"]


class Always:
    """A script that never ends; take it from the upstream's to end it."""

    def __init__(self, answer):
        self.answer = answer

    def pop(self, _):
        return self.answer


class Listening(Upstream):
    """Also keeps the lines that it hears."""

    def __init__(self, **script):
        self.heard = []
        super().__init__(**script)

    def serve(self, connection, number):
        try:
            with connection:
                Ear(self, connection, number).run()
        except OSError:
            pass  # the other side went away


class Ear(Session):
    def command(self, word, line):
        self.upstream.heard.append(line.rstrip().decode())
        return super().command(word, line)


class Report:
    """A delivery status notification, read by Python's email package."""

    def __init__(self, sender, recipients, raw):
        self.sender, self.recipients, self.raw = sender, recipients, raw
        parsed = email.message_from_bytes(raw, policy=email.policy.default)
        self.subject = parsed["Subject"]
        self.header = parsed
        self.type = (parsed.get_content_type(), parsed.get_param("report-type"))
        text, status, self.original = parsed.get_payload()
        self.text = text.get_content()
        self.of_message, *self.of_recipients = status.get_payload()
        self.defects = [*parsed.defects, *text.defects, *status.defects, *self.original.defects,
                        *(d for group in status.get_payload() for d in group.defects)]

    def fates(self):
        return {group["Final-Recipient"]: group["Action"] for group in self.of_recipients}


def reports(house):
    return [Report(*found) for found in house.sink.messages() if b"report-type=" in found[2]]


def submit(house, recipients, content, sender="anna@in.example", options=()):
    """`recipients`: {mailbox: [parameters]}"""
    with house.gateway.client() as session:
        session.ehlo()
        for code, words in [session.mail(sender, list(options)),
                            *(session.rcpt(to, given) for to, given in recipients.items()),
                            session.data(content)]:
            if code != 250:
                raise AssertionError(f"{code} {words}")


class Dsn(unittest.TestCase):
    def split_house(self, upstream, *settings):
        """Mail goes to `upstream`, notices to the sink."""
        self.addCleanup(upstream.stop)
        house = House(*QUICK, "notices.route=notices", *settings, start=False)
        house.gateway.settings += [f"route.smarthost.port={upstream.port}",
                                   f"route.notices.port={house.sink.port}"]
        house.gateway.start()
        return house

    def the_report(self, house):
        eventually(lambda: reports(house), "a report arrives")
        report, = reports(house)
        self.assertEqual("<>", report.sender)
        self.assertEqual(("multipart/report", "delivery-status"), report.type)
        self.assertEqual("auto-replied", report.header["Auto-Submitted"])
        self.assertEqual([], report.defects)
        return report

    def only_report_after(self, house, send_one_that_fails):
        """Nothing was said of what went before: the next report is the first."""
        send_one_that_fails()
        return self.the_report(house)

    def test_who_asks_for_success_is_told_where_a_server_has_no_dsn(self):
        upstream = Upstream()
        with self.split_house(upstream) as house:
            submit(house, {"bert@out.example": ["NOTIFY=SUCCESS,FAILURE",
                                                "ORCPT=rfc822;Bert+2Bx@out.example"],
                           "carl@out.example": ["NOTIFY=FAILURE"], "dora@out.example": []},
                   message("asked"), options=["RET=FULL", "ENVID=QQ+2B314159"])
            report = self.the_report(house)
            self.assertEqual(["anna@in.example"], report.recipients)
            self.assertEqual("QQ+314159", report.of_message["Original-Envelope-Id"])
            self.assertEqual("dns; gw.example", report.of_message["Reporting-MTA"])
            group, = report.of_recipients
            self.assertEqual("rfc822; Bert+x@out.example", group["Original-Recipient"])
            self.assertEqual("rfc822; bert@out.example", group["Final-Recipient"])
            self.assertEqual("relayed", group["Action"])
            self.assertEqual("2.0.0", group["Status"])
            self.assertEqual("dns; mx.example", group["Remote-MTA"])
            self.assertEqual("smtp; 250 2.0.0 Taken", group["Diagnostic-Code"])
            self.assertIsNone(group["Will-Retry-Until"])
            arrived, tried = (email.utils.parsedate_to_datetime(date) for date in (
                report.of_message["Arrival-Date"], group["Last-Attempt-Date"]))
            self.assertLessEqual(arrived, tried)
            self.assertIn("makes no reports", report.text)
            # Without a failure there is nothing but the header, whatever RET says.
            self.assertEqual("text/rfc822-headers", report.original.get_content_type())
            self.assertIn("Subject: asked", report.original.get_payload())
            self.assertEqual(1, len(upstream.messages))

    def test_a_server_with_dsn_gets_the_parameters_and_tells_the_sender_itself(self):
        upstream = Listening()
        upstream.script["EHLO"] = Always(b"250-mx.example\r\n250-8BITMIME\r\n250 DSN")
        with self.split_house(upstream) as house:
            submit(house, {"bert@out.example": ["NOTIFY=SUCCESS,DELAY",
                                                "ORCPT=rfc822;Bert@out.example"],
                           "carl@out.example": ["NOTIFY=NEVER"], "dora@out.example": []},
                   message("asked"), options=["RET=HDRS", "ENVID=QQ+2B314159"])
            eventually(lambda: upstream.messages, "it arrives")
            self.assertEqual(["MAIL FROM:<anna@in.example> RET=HDRS ENVID=QQ+2B314159",
                              "RCPT TO:<bert@out.example> NOTIFY=SUCCESS,DELAY"
                              " ORCPT=rfc822;Bert@out.example",
                              "RCPT TO:<carl@out.example> NOTIFY=NEVER",
                              "RCPT TO:<dora@out.example>"],
                             [line for line in upstream.heard if line[:4] in ("MAIL", "RCPT")])
            upstream.script["RCPT"] = [b"550 5.1.1 Unknown"]
            report = self.only_report_after(house, lambda: submit(
                house, {"gone@out.example": []}, message("fails")))
            self.assertEqual({"rfc822; gone@out.example": "failed"}, report.fates())

    def test_nobody_hears_who_wants_to_hear_nothing(self):
        upstream = Upstream(RCPT=[b"550 5.1.1 Unknown"] * 3)
        with self.split_house(upstream) as house:
            submit(house, {"gone1@out.example": ["NOTIFY=NEVER"],
                           "gone2@out.example": ["NOTIFY=SUCCESS"],
                           "gone3@out.example": ["NOTIFY=DELAY"],
                           "bert@out.example": ["NOTIFY=NEVER"]}, message("never"))
            eventually(lambda: upstream.messages, "it arrives where it can")
            upstream.script["RCPT"] = [b"550 5.1.1 Unknown"]
            report = self.only_report_after(house, lambda: submit(
                house, {"gone4@out.example": ["NOTIFY=FAILURE"]}, message("fails")))
            self.assertEqual({"rfc822; gone4@out.example": "failed"}, report.fates())

    def test_one_report_tells_of_several_fates(self):
        upstream = Upstream(RCPT=[b"550-5.1.1 Nobody\r\n550 5.1.1 of that name"])
        with self.split_house(upstream) as house:
            submit(house, {"gone@out.example": [], "bert@out.example": ["NOTIFY=SUCCESS"]},
                   message("both"), options=["RET=FULL"])
            report = self.the_report(house)
            self.assertEqual({"rfc822; gone@out.example": "failed",
                              "rfc822; bert@out.example": "relayed"}, report.fates())
            self.assertEqual("message/rfc822", report.original.get_content_type())
            group = report.of_recipients[0]
            self.assertEqual("smtp; 550-5.1.1 Nobody 550 5.1.1 of that name",
                             " ".join(group["Diagnostic-Code"].split()))

    def test_the_whole_message_comes_back_on_ret_full(self):
        body = "".join(f"{number}: 0123456789\r\n.dot\r\n" for number in range(100))
        content = message("whole", body)
        with House(*QUICK) as house:
            submit(house, {"bounce1@out.example": []}, content, options=["RET=FULL"])
            report = self.the_report(house)
            self.assertEqual("message/rfc822", report.original.get_content_type())
            start = report.raw.index(b"Content-Type: message/rfc822\r\n")
            returned = report.raw[report.raw.index(b"\r\n\r\n", start) + 4:
                                  report.raw.rindex(b"\r\n--=_cordon")]
            self.assertEqual(content, without_trace(returned))

    def test_a_larger_message_comes_back_as_its_header(self):
        with House(*QUICK, "notices.max_returned_octets=10000") as house:
            submit(house, {"bounce1@out.example": []}, message("large", "x" * 70 + "\r\n"
                                                               * 5000), options=["RET=FULL"])
            report = self.the_report(house)
            self.assertEqual("text/rfc822-headers", report.original.get_content_type())
            self.assertIn("Subject: large", report.original.get_payload())
            self.assertLess(len(report.raw), 10000)

    def test_content_that_was_not_read_for_delivery_is_read_for_the_report(self):
        with House(*QUICK, "notices.max_returned_octets=1000000") as house:
            content = message("slots", ("y" * 76 + "\r\n") * 4000)  # in several pieces
            submit(house, {"bounce1@out.example": []}, content, options=["RET=FULL"])
            self.assertIn(content + b"\r\n--=_cordon", self.the_report(house).raw)

    def test_8_bit_content_comes_back_as_it_is(self):
        content = message("8 bit", "Grüße\r\n")
        with House(*QUICK) as house:
            submit(house, {"bounce1@out.example": []}, content,
                   options=["RET=FULL", "BODY=8BITMIME"])
            report = self.the_report(house)
            self.assertEqual("8bit", report.original["Content-Transfer-Encoding"])
            self.assertIn(content, report.raw)

    def test_a_bounce_that_nobody_takes_is_shown_to_the_operators_once(self):
        with House(*QUICK) as house:
            submit(house, {"bounce1@out.example": []}, message("first"), "bounce9@in.example")
            report = self.the_report(house)
            self.assertEqual(["operator@in.example"], report.recipients)
            self.assertEqual({"rfc822; bounce9@in.example": "failed"}, report.fates())
            self.assertIn("Nobody else will hear of it", report.text)
            inner = report.original.get_payload(0)
            self.assertEqual("multipart/report", inner.get_content_type())
            self.assertIn("bounce1@out.example", inner.as_string())
            eventually(lambda: house.gateway.rows("queue", "list") == [], "all is settled")
            self.assertEqual(1, len(reports(house)))

    def test_nobody_is_told_of_mail_from_the_null_path_but_the_log(self):
        with House(*QUICK) as house:
            submit(house, {"bounce1@out.example": ["NOTIFY=FAILURE"]}, message("null"), "")
            eventually(lambda: "message.undeliverable" in house.gateway.log(), "it is logged")
            report = self.only_report_after(house, lambda: submit(
                house, {"bounce2@out.example": []}, message("fails")))
            self.assertEqual({"rfc822; bounce2@out.example": "failed"}, report.fates())

    def test_a_double_bounce_that_nobody_takes_is_logged_and_ends_there(self):
        with House(*QUICK, "notices.operators=bounce8@in.example") as house:
            submit(house, {"bounce1@out.example": []}, message("first"), "bounce9@in.example")
            submit(house, {"bounce1@out.example": []}, message("second"), "eve@far.example")
            # The bounce, the double bounce; and one bounce for the operator himself.
            eventually(lambda: house.gateway.log().count("notice.undeliverable") == 3,
                       "it is logged")
            eventually(lambda: house.gateway.rows("queue", "list") == [], "all is settled")
            self.assertEqual([], house.sink.messages())
            self.assertEqual(3, house.gateway.log().count("notice.undeliverable"))


class Delays(unittest.TestCase):
    def test_a_delay_is_told_once_also_over_a_crash(self):
        upstream = Upstream()
        upstream.script["RCPT"] = Always(b"450 4.2.0 Greylisted")
        self.addCleanup(upstream.stop)
        house = House(*QUICK, "delivery.delay_notice=3s", "delivery.queue_lifetime=1h",
                      "notices.route=notices", start=False)
        house.gateway.settings += [f"route.smarthost.port={upstream.port}",
                                   f"route.notices.port={house.sink.port}"]
        with house:
            house.gateway.start()
            submit(house, {"bert@out.example": [], "carl@out.example": ["NOTIFY=FAILURE"],
                           "dora@out.example": ["NOTIFY=DELAY"]}, message("late"))
            report, = eventually(lambda: reports(house), "a report arrives")
            # Not at the first try.
            self.assertGreaterEqual(house.gateway.log().count("outcome=deferred"), 3 * 2)
            # A crash between a delivery and its record may repeat it, that of a report too.
            eventually(lambda: len(house.gateway.rows("queue", "list")) == 1, "it is on record")
            house.gateway.kill()
            house.gateway.start()
            before = house.gateway.log().count("outcome=deferred")
            eventually(lambda: house.gateway.log().count("outcome=deferred") >= before + 6,
                       "two more tries")
            del upstream.script["RCPT"]
            eventually(lambda: upstream.messages, "it arrives")
            eventually(lambda: house.gateway.rows("queue", "list") == [], "all is settled")
            self.assertEqual(1, len(reports(house)))

            self.assertEqual({"rfc822; bert@out.example": "delayed",
                              "rfc822; dora@out.example": "delayed"}, report.fates())
            self.assertEqual("Delayed mail (still being tried)", report.subject)
            group = report.of_recipients[0]
            self.assertEqual("4.2.0", group["Status"])
            self.assertEqual("dns; mx.example", group["Remote-MTA"])
            self.assertEqual("smtp; 450 4.2.0 Greylisted", group["Diagnostic-Code"])
            arrived, until = (email.utils.parsedate_to_datetime(date) for date in (
                report.of_message["Arrival-Date"], group["Will-Retry-Until"]))
            self.assertAlmostEqual(3600, (until - arrived).total_seconds(), delta=60)
            self.assertEqual("text/rfc822-headers", report.original.get_content_type())

    def test_a_delay_is_told_while_the_server_is_away(self):
        with House(*QUICK, "delivery.delay_notice=2s", "notices.route=notices",
                   f"route.smarthost.port={free_port()}", start=False) as house:
            house.gateway.settings.append(f"route.notices.port={house.sink.port}")
            house.gateway.start()
            submit(house, {"bert@out.example": []}, message("away"))
            report, = eventually(lambda: reports(house), "a report arrives")
            group, = report.of_recipients
            self.assertEqual("delayed", group["Action"])
            self.assertTrue(group["Status"].startswith("4.4."), group["Status"])
            self.assertIn("cannot connect", group["Diagnostic-Code"])
            self.assertIsNone(group["Remote-MTA"])  # nobody said anything

    def test_no_delay_is_told_where_none_is_to_be(self):
        upstream = Upstream(RCPT=[b"450 4.2.0 Greylisted"] * 3)
        self.addCleanup(upstream.stop)
        with House(*QUICK, "delivery.delay_notice=0s",
                   f"route.smarthost.port={upstream.port}") as house:
            submit(house, {"bert@out.example": []}, message("late"))
            eventually(lambda: upstream.messages, "it arrives")
            eventually(lambda: house.gateway.rows("queue", "list") == [], "all is settled")
            self.assertEqual(["bert@out.example"], upstream.recipients())


class Quarantine(unittest.TestCase):
    def test_what_is_in_quarantine_when_its_time_is_over_is_not_bounced(self):
        with House(*QUICK, "delivery.queue_lifetime=3s", "notices.route=notices",
                   f"route.smarthost.port={free_port()}", start=False) as house:
            house.gateway.settings.append(f"route.notices.port={house.sink.port}")
            house.gateway.start()
            house.gateway.ctl("bait", "add", "trap@in.example")
            house.gateway.send("anna@in.example", ["bert@out.example"], message("kept"),
                               "127.0.0.66")
            eventually(lambda: "outcome=deferred" in house.gateway.log(), "a first try")
            house.gateway.send("anna@in.example", ["trap@in.example"], message("x"), "127.0.0.66")
            # Its time is over later than that of the one in quarantine.
            house.gateway.send("anna@in.example", ["carl@out.example"], message("given up"))
            report, = eventually(lambda: reports(house), "its bounce arrives")
            self.assertEqual({"rfc822; carl@out.example": "failed"}, report.fates())
            self.assertEqual("4.4.7", report.of_recipients[0]["Status"])
            self.assertIn("not delivered in time", report.text)
            kept = [row["subject"] for row in house.gateway.rows("quarantine", "list", "ALL")]
            self.assertEqual(["kept", "x"], sorted(kept))
            self.assertEqual(1, len(reports(house)))


def received(count, by):
    return "".join(f"Received: from a.example by {by};\r\n"
                   f"\tSun, 22 Nov 2026 03:59:{number % 60:02} +0000\r\n"
                   for number in range(count))


class Loops(unittest.TestCase):
    def answer(self, house, trace):
        with house.gateway.client() as session:
            session.ehlo()
            session.mail("anna@in.example")
            session.rcpt("bert@in.example")
            return session.data(trace.encode() + message("round"))

    def test_a_message_with_too_many_hops_is_refused(self):
        with House(*QUICK) as house:
            self.assertEqual(250, self.answer(house, received(100, "b.example"))[0])
            refused = (554, b"5.4.6 The message goes round in a loop")
            self.assertEqual(refused, self.answer(house, received(101, "b.example")))
            self.assertEqual(250, self.answer(house, received(5, "gw.example"))[0])
            self.assertEqual(refused, self.answer(house, received(6, "GW.example")))
            eventually(lambda: len(house.sink.messages()) == 2, "the good ones arrive")
            self.assertEqual(2, house.gateway.log().count("message.loop"))

    def test_a_gateway_that_is_its_own_upstream_bounces_after_a_few_rounds(self):
        house = House(*QUICK, "notices.route=notices", start=False)
        house.gateway.settings += [f"route.smarthost.port={house.gateway.port}",
                                   f"route.notices.port={house.sink.port}"]
        with house:
            house.gateway.start()
            submit(house, {"bert@out.example": []}, message("round"))
            report, = eventually(lambda: reports(house), "a bounce arrives")
            group, = report.of_recipients
            self.assertEqual(("failed", "5.4.6"), (group["Action"], group["Status"]))
            eventually(lambda: house.gateway.rows("queue", "list") == [], "all is settled")
            self.assertEqual(6, house.gateway.log().count("message.accepted"))


if __name__ == "__main__":
    unittest.main()
