"""What decides how long mail is held and what an alert does: modes, rules, look-back."""

import json
import unittest

from house import House, eventually, message

MAILER = "127.0.0.66"
BAIT = "old.archive@in.example"


class Holding(unittest.TestCase):
    def test_in_hold_mail_waits_for_its_period_and_a_bait_is_only_reported(self):
        with House("cordoning.period=5s", "listener.0.mode=hold") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            gateway.send("anna@in.example", ["bert@in.example", BAIT], message("hit"), MAILER)
            self.assertEqual(1, gateway.status()["held"])
            self.assertEqual("observed", gateway.rows("alert", "list")[0]["response"])
            eventually(lambda: "bert@in.example" in house.sink.recipients(), "its period ends")
            self.assertNotIn(BAIT, house.sink.recipients())
            self.assertEqual([], gateway.rows("quarantine", "list", "ALL"))

    def test_a_rule_shortens_the_period_and_a_bypass_is_in_the_audit_trail(self):
        with House("cordoning.period=1h",
                   "rule.0.name=inside", "rule.0.recipient_domain=in.example", "rule.0.period=1s",
                   "rule.1.name=scanner", "rule.1.origin=127.0.0.9/32",
                   "rule.1.bypass=true") as house:
            gateway = house.gateway
            gateway.send("anna@in.example", ["bert@in.example"], message("short"))
            gateway.send("anna@in.example", ["scan@out.example"], message("none"), "127.0.0.9")
            gateway.send("anna@in.example", ["long@out.example"], message("long"))
            eventually(lambda: house.sink.recipients() == ["bert@in.example", "scan@out.example"],
                       "two of three are committed")
            self.assertEqual(1, gateway.status()["held"])
            bypass, = [row for row in gateway.rows("audit") if row["action"] == "bypass"]
            self.assertIn("scanner", json.dumps(bypass))

    def test_only_the_look_back_is_warned_about(self):
        with House("cordoning.period=0s", "cordoning.look_back=5s") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            gateway.send("anna@in.example", ["early@in.example"], message("early"), MAILER)
            eventually(lambda: "early@in.example" in house.sink.recipients(), "the early one left")
            left = gateway.status()["uptime"]
            eventually(lambda: gateway.status()["uptime"] >= left + 7, "the look-back passes")
            gateway.send("anna@in.example", ["late@in.example"], message("late"), MAILER)
            eventually(lambda: "late@in.example" in house.sink.recipients(), "the late one left")
            gateway.send("anna@in.example", [BAIT], message("hit"), MAILER)
            eventually(lambda: gateway.rows("cordon", "list")[0]["warnings_done"], "all are warned")
            self.assertEqual(["late@in.example"],
                             [row["recipient"] for row in gateway.rows("warning", "list")])

    def test_no_spelling_hides_a_bait_from_the_operators_test(self):
        with House() as house:
            house.gateway.ctl("bait", "add", BAIT)
            house.gateway.ctl("bait", "test", "Old.Archive+x@IN.example.")
            self.assertNotEqual(0, house.gateway.run_ctl("bait", "test", "new@in.example").returncode)


if __name__ == "__main__":
    unittest.main()
