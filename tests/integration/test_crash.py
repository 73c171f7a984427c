"""kill -9 under load, again and again: what was acknowledged is never lost (invariants 1 and 2)."""

import os
import random
import re
import time
import unittest

from house import House, message
from load import Load, drain, named

ROUNDS = int(os.environ.get("CORDON_CRASH_ROUNDS", "50"))
INTRUDER = "127.0.0.66"
# The intruder is the first of the load's clients.
SOURCES = [INTRUDER] + [f"127.0.0.{3 + number % 4}" for number in range(7)]


class Crashes:
    """Rounds of load and kill -9 on one house, and what became of all that was acknowledged; raises
    AssertionError if anything did that may not. tools/soak runs them as well."""

    def __init__(self, rounds, chance):
        self.rounds = rounds
        self.acknowledged = set()
        with House("cordoning.period=0s", "delivery.first_retry=1s", start=False) as house:
            self.cordon_the_intruder(house.gateway.start())
            for number in range(rounds):
                with Load(house.gateway, f"r{number}", SOURCES) as load:
                    time.sleep(chance.uniform(0.05, 0.5))  # the moment of the crash
                    house.gateway.kill()
                self.acknowledged |= load.acknowledged
                house.gateway.start()
            self.take_stock(house)
            print(self, flush=True)
            self.check()

    def cordon_the_intruder(self, gateway):
        gateway.ctl("bait", "add", "bait@in.example")
        gateway.send("anna@in.example", ["bait@in.example"], message("bait"), INTRUDER)
        if gateway.status()["active_cordons"] != 1:
            raise AssertionError("the intruder is not cordoned")

    def take_stock(self, house):
        gateway = house.gateway
        drain(gateway, 120)
        self.arrived = named(house.sink.recipients())
        self.quarantined = set(named(row["recipients"][0]["address"]
                                     for row in gateway.rows("quarantine", "list", "ALL")))
        self.lost = self.acknowledged - set(self.arrived) - self.quarantined
        self.twice = self.arrived.total() - len(self.arrived)
        # Claims without a result: only these may be delivered twice.
        self.uncertain = sum(int(n) for n in re.findall(r"gateway\.rebuilt .*?uncertain=(\d+)",
                                                        gateway.log()))

    def of_the_intruder(self, names):
        return {name for name in names if "-s0-" in name}

    def __str__(self):
        return (f"{self.rounds} crashes: {len(self.acknowledged)} acknowledged, "
                f"{len(self.arrived)} delivered, {len(self.quarantined)} in quarantine, "
                f"{len(self.lost)} lost, {self.twice} twice "
                f"(of {self.uncertain} claims without a result)")

    def check(self):
        test = unittest.TestCase()
        test.assertGreater(len(self.acknowledged), self.rounds,
                           "the load was too thin to prove anything")
        test.assertEqual(set(), self.lost)
        # The intruder's mail is all in quarantine, over all restarts.
        test.assertEqual(set(), self.of_the_intruder(self.arrived))
        test.assertLessEqual(self.of_the_intruder(self.acknowledged), self.quarantined)
        test.assertLessEqual(self.twice, self.uncertain)


class Crash(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        Crashes(ROUNDS, random.Random(20260101))


if __name__ == "__main__":
    unittest.main()
