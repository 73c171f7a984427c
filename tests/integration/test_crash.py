"""kill -9 under load, again and again: what was acknowledged is never lost (invariants 1 and 2)."""

import os
import random
import re
import smtplib
import threading
import time
import unittest

from house import House, eventually, message

ROUNDS = int(os.environ.get("CORDON_CRASH_ROUNDS", "50"))
SESSIONS = 8
HONEST = [f"127.0.0.{n}" for n in range(2, 6)]
INTRUDER = "127.0.0.66"


class Load:
    """Sessions that send as fast as they are answered, and note each message that got its 250."""

    def __init__(self, house, round_number):
        self.house = house
        self.round = round_number
        self.acknowledged = set()
        self.lock = threading.Lock()
        self.end = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(SESSIONS)]

    def run(self, number):
        source = INTRUDER if number == 0 else HONEST[number % len(HONEST)]
        count = 0
        while not self.end.is_set():
            try:
                session = self.house.gateway.client(source)
                while not self.end.is_set():
                    count += 1
                    name = f"r{self.round}-s{number}-m{count}"
                    # Some bodies are larger than one piece of the store.
                    body = "x" * 70 + "\r\n"
                    body *= 1500 if count % 10 == 0 else 3
                    session.sendmail("anna@in.example", [f"{name}@in.example"], message(name, body))
                    with self.lock:
                        self.acknowledged.add(name)
            except (smtplib.SMTPException, OSError):
                time.sleep(0.01)  # killed under us: that is the point

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        for thread in self.threads:
            thread.join()


class Crash(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        chance = random.Random(20260101)
        with House("cordoning.period=0s", "delivery.first_retry=1s", start=False) as house:
            gateway = house.gateway.start()
            gateway.ctl("bait", "add", "bait@in.example")
            with gateway.client(INTRUDER) as session:
                session.sendmail("anna@in.example", ["bait@in.example"], message("bait"))
            self.assertEqual(1, gateway.status()["active_cordons"])

            acknowledged = set()
            for number in range(ROUNDS):
                with Load(house, number) as load:
                    time.sleep(chance.uniform(0.05, 0.5))  # the moment of the crash
                    gateway.kill()
                acknowledged |= load.acknowledged
                gateway.start()
            eventually(lambda: gateway.status()["held"] + gateway.status()["in_flight"] == 0,
                       "the queue drains", 120)

            arrived = [to.split("@")[0] for _, recipients, _ in house.sink.messages()
                       for to in recipients if re.match(r"r\d+-s\d+-m\d+@", to)]
            quarantined = [row["recipients"][0]["address"].split("@")[0]
                           for row in gateway.rows("quarantine", "list", "ALL")]

            self.assertGreater(len(acknowledged), ROUNDS, "the load was too thin to prove anything")
            lost = acknowledged - set(arrived) - set(quarantined)
            self.assertEqual(set(), lost)
            # The intruder's mail is all in quarantine, over fifty restarts.
            self.assertEqual([], [name for name in arrived if "-s0-" in name])
            self.assertLessEqual({name for name in acknowledged if "-s0-" in name}, set(quarantined))
            # A duplicate comes only from a claim whose result was not yet recorded.
            duplicates = len(arrived) - len(set(arrived))
            uncertain = sum(int(n) for n in re.findall(r"gateway\.rebuilt .*?uncertain=(\d+)",
                                                       gateway.log()))
            self.assertLessEqual(duplicates, uncertain)
            print(f"{ROUNDS} crashes: {len(acknowledged)} acknowledged, {len(set(arrived))} delivered, "
                  f"{len(quarantined)} in quarantine, 0 lost, {duplicates} twice "
                  f"(of {uncertain} claims without a result)")


if __name__ == "__main__":
    unittest.main()
