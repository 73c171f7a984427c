"""The whole story on real SMTP: a mailer meets a bait (BESIDES 5.1), others mail on."""

import re
import unittest

from house import House, eventually, message

MAILER = "127.0.0.66"
HONEST = "127.0.0.2"
BAIT = "old.archive@in.example"
LIST = [f"user{n}@in.example" for n in range(6)] + ["friend@out.example"]


def transcript(gateway, recipients, source):
    """What a mailer sends and sees, line for line, with only the queue ids taken out."""
    seen = []
    with gateway.client(source) as session:
        seen.append(session.ehlo("mailer.example"))
        for number, to in enumerate(recipients):
            seen.append(session.mail("anna@in.example"))
            seen.append(session.rcpt(to))
            code, text = session.data(message(f"hello {number}"))
            seen.append((code, re.sub(rb"queued as \d+", b"queued as N", text)))
        seen.append(session.quit())
    return seen


class Outbreak(unittest.TestCase):
    def committed(self, house, subjects_from):
        return sorted(to for sender, recipients, content in house.sink.messages()
                      for to in recipients if b"Subject: " + subjects_from in content)

    def test_a_mailer_is_caught_and_the_rest_flows_on(self):
        with House("cordoning.period=2s") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)

            # It starts slowly: these have left before it meets the bait.
            early = ["early1@in.example", "early2@in.example", "early3@out.example"]
            for to in early:
                gateway.send("anna@in.example", [to], message(f"early {to}"), MAILER)
            eventually(lambda: len(house.sink.messages()) == 3, "the early ones are committed")

            # The burst: held when the bait is met.
            burst = LIST[:4] + [BAIT] + LIST[4:]
            caught = transcript(gateway, burst, MAILER)
            gateway.send("carl@in.example", ["dora@in.example"], message("honest"), HONEST)
            honest = transcript(gateway, [to.replace("old.archive", "new.archive") for to in burst],
                                "127.0.0.3")
            # Nothing that the client can see tells the two apart.
            self.assertEqual(honest, caught)

            # It goes on sending later, and still gets its 250s.
            for to in LIST:
                gateway.send("anna@in.example", [to], message(f"later {to}"), MAILER)

            eventually(lambda: b"honest" in b"".join(c for _, _, c in house.sink.messages()),
                       "the honest mail arrives")
            eventually(lambda: gateway.status()["held"] + gateway.status()["in_flight"] == 0,
                       "all is settled")

            # Nothing further from that origin arrived; all held ones are in quarantine.
            from_mailer = [c for _, _, c in house.sink.messages() if b"[127.0.0.66]" in c.split(b"\n")[0]]
            self.assertEqual(3, len(from_mailer))
            quarantine = gateway.rows("quarantine", "list", "ALL")
            self.assertEqual(len(burst) + len(LIST), len(quarantine))

            # Exactly those who already had one are warned: the local ones at once ...
            eventually(lambda: len(self.warned(house)) == 2, "the warnings arrive")
            self.assertEqual(["early1@in.example", "early2@in.example"], self.warned(house))
            # ... the stranger when an operator says so.
            waiting = [row for row in gateway.rows("warning", "list")
                       if row["state"] == "awaiting_approval"]
            self.assertEqual(["early3@out.example"], [row["recipient"] for row in waiting])
            gateway.ctl("warning", "approve", waiting[0]["warning_id"], "--yes")
            eventually(lambda: len(self.warned(house)) == 3, "the approved warning arrives")

            # The operators were told, without the bait's address.
            reports = [c for _, to, c in house.sink.messages() if to == ["operator@in.example"]]
            self.assertEqual(1, len(reports))
            self.assertNotIn(BAIT.encode(), reports[0])
            self.assertNotIn(BAIT, gateway.log())

            self.review(house, quarantine)

    def warned(self, house):
        return sorted(to for sender, recipients, content in house.sink.messages()
                      for to in recipients if b"X-Cordon-Alert:" in content and sender == "<>"
                      and to != "operator@in.example")

    def review(self, house, quarantine):
        """The operator looks, releases one, deletes one, lifts the cordon."""
        gateway = house.gateway
        cordon = gateway.rows("cordon", "list")[0]
        record = gateway.ctl("cordon", "show", cordon["cordon_id"])
        self.assertIn("MAIL FROM:<anna@in.example>", record)
        self.assertNotIn(BAIT, record)

        before = len(house.sink.messages())
        first, second = quarantine[0], quarantine[1]
        exported = gateway.ctl("quarantine", "export", first["queue_id"])
        gateway.ctl("quarantine", "release", first["queue_id"], "--yes")
        eventually(lambda: len(house.sink.messages()) == before + 1, "the released one arrives")
        arrived = house.sink.messages()[-1][2]
        self.assertEqual(arrived.replace(b"\r\n", b"\n"), exported.encode().replace(b"\r\n", b"\n"))
        gateway.ctl("quarantine", "delete", second["queue_id"], "--yes")
        self.assertEqual(len(quarantine) - 2, len(gateway.rows("quarantine", "list", "ALL")))

        gateway.ctl("cordon", "lift", cordon["cordon_id"], "--yes")
        gateway.send("anna@in.example", ["bert@in.example"], message("after"), MAILER)
        eventually(lambda: len(house.sink.messages()) == before + 2, "its new mail flows again")
        actions = [row["action"] for row in gateway.rows("audit")]
        for action in ("release", "delete", "cordon lift", "bait add", "warning approve"):
            self.assertIn(action, actions)

    def test_a_bait_as_sender_is_caught_too(self):
        with House("cordoning.period=60s") as house:
            house.gateway.ctl("bait", "add", "local:zq7vxw.archive")
            house.gateway.send("zq7vxw.archive@other.example", ["bert@in.example"],
                               message("forged"), MAILER)
            alerts = house.gateway.rows("alert", "list")
            self.assertEqual(["mail_from"], [row["place"] for row in alerts])
            self.assertEqual(1, len(house.gateway.rows("quarantine", "list", "ALL")))

    def test_in_observe_nothing_changes_and_the_report_says_what_would_have(self):
        with House("cordoning.period=60s", "listener.0.mode=observe") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            for to in ("one@in.example", "two@in.example"):
                gateway.send("anna@in.example", [to], message(f"before {to}"), MAILER)
            eventually(lambda: len(house.sink.messages()) == 2, "mail is not held")
            gateway.send("anna@in.example", ["three@in.example", BAIT], message("hit"), MAILER)
            gateway.send("anna@in.example", ["four@in.example"], message("after"), MAILER)
            eventually(lambda: {"three@in.example", "four@in.example"} <= set(house.sink.recipients()),
                       "the mail flows on")
            self.assertEqual([], gateway.rows("quarantine", "list", "ALL"))
            self.assertEqual([], gateway.rows("warning", "list"))
            alert = gateway.rows("alert", "list")[0]
            self.assertEqual("observed", alert["response"])

            # An enforced cordon would have held all four: each was younger than the period.
            def shadow():
                row = gateway.rows("cordon", "list")[0]
                return row if row["quarantined"] == 4 else None
            row = eventually(shadow, "the shadow cordon counts")
            self.assertEqual("shadow", row["kind"])

    def test_a_bounce_to_a_bait_keeps_back_that_message_alone(self):
        with House("cordoning.period=0s") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            gateway.send("", [BAIT], message("bounce"), MAILER)
            gateway.send("anna@in.example", ["bert@in.example"], message("honest"), MAILER)
            eventually(lambda: "bert@in.example" in house.sink.recipients(), "honest mail flows")
            self.assertEqual(0, gateway.status()["active_cordons"])
            self.assertEqual(1, len(gateway.rows("quarantine", "list", "ALL")))
            self.assertEqual("quarantine_message", gateway.rows("alert", "list")[0]["response"])

    def test_an_automatic_reply_to_a_bait_takes_its_cordon_back(self):
        with House("cordoning.period=1s") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            gateway.send("anna@in.example", ["bert@in.example"], message("honest"), MAILER)
            reply = b"Auto-Submitted: auto-replied\r\n" + message("out of office")
            gateway.send("anna@in.example", [BAIT], reply, MAILER)
            eventually(lambda: "bert@in.example" in house.sink.recipients(),
                       "what the cordon held flows on")
            self.assertEqual(0, gateway.status()["active_cordons"])
            self.assertEqual(1, len(gateway.rows("quarantine", "list", "ALL")))
            self.assertIn("cordon withdraw", [row["action"] for row in gateway.rows("audit")])

    def test_a_shared_origin_is_not_cordoned(self):
        with House("cordoning.period=0s", "origin.0.network=127.0.0.66/32",
                   "origin.0.shared=true") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            gateway.send("anna@in.example", [BAIT], message("caught"), MAILER)
            gateway.send("carl@in.example", ["bert@in.example"], message("other user"), MAILER)
            eventually(lambda: "bert@in.example" in house.sink.recipients(), "others flow on")
            self.assertEqual(1, len(gateway.rows("quarantine", "list", "ALL")))

    def test_operators_hear_of_an_alert_although_the_gateway_died_first(self):
        with House("cordoning.period=60s") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            session = gateway.client(MAILER)
            session.ehlo()
            session.mail("anna@in.example")
            session.rcpt(BAIT)  # the transaction goes on, so nobody has been told
            eventually(lambda: gateway.rows("alert", "list"), "the alert is stored")
            gateway.kill()
            session.close()
            gateway.start()
            eventually(lambda: ["operator@in.example"] in [to for _, to, _ in house.sink.messages()],
                       "the report arrives")

    def test_automatic_replies_to_many_baits_are_reviewed_by_a_person_who_can_end_it(self):
        with House("cordoning.period=0s") as house:
            gateway = house.gateway
            baits = [f"bait{n}@in.example" for n in range(3)]
            gateway.ctl("bait", "add", *baits)
            for bait in baits:
                reply = b"Auto-Submitted: auto-replied\r\n" + message("out of office")
                gateway.send("anna@in.example", [bait], reply, MAILER)
            gateway.send("anna@in.example", ["bert@in.example"], message("held"), MAILER)
            # It stands in the store too: a restart does not end it.
            gateway.kill()
            gateway.start()
            gateway.send("carl@in.example", ["dora@in.example"], message("honest"), HONEST)
            eventually(lambda: "dora@in.example" in house.sink.recipients(), "others mail on")
            self.assertNotIn("bert@in.example", house.sink.recipients())
            review = [row for row in gateway.rows("cordon", "list") if row["kind"] == "review"]
            self.assertEqual(1, len(review))
            gateway.ctl("cordon", "lift", review[0]["cordon_id"], "--yes")
            eventually(lambda: "bert@in.example" in house.sink.recipients(), "the held one leaves")

    def test_a_bait_as_sender_gets_no_bounce(self):
        with House("cordoning.period=0s", "listener.0.mode=observe") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            gateway.send(BAIT, ["bounce@out.example", "bert@in.example"], message("forged"), MAILER)
            eventually(lambda: "bert@in.example" in house.sink.recipients(), "the other gets it")
            eventually(lambda: gateway.status()["held"] + gateway.status()["in_flight"] == 0,
                       "the bounce is dealt with")
            self.assertNotIn(BAIT, house.sink.recipients())

    def test_a_cordon_outlives_a_restart(self):
        with House("cordoning.period=1s") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            gateway.send("anna@in.example", ["bert@in.example"], message("held"), MAILER)
            gateway.send("anna@in.example", [BAIT], message("hit"), MAILER)
            gateway.kill()
            gateway.start()
            gateway.send("anna@in.example", ["bert@in.example"], message("later"), MAILER)
            gateway.send("carl@in.example", ["dora@in.example"], message("honest"), HONEST)
            eventually(lambda: "dora@in.example" in house.sink.recipients(), "honest mail flows")
            self.assertNotIn("bert@in.example", house.sink.recipients())
            self.assertEqual(3, len(gateway.rows("quarantine", "list", "ALL")))


if __name__ == "__main__":
    unittest.main()
