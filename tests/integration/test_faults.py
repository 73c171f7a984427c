"""Faults of the machine under a running gateway: clients see 4xx, nothing is lost, nothing arrives
twice, and all goes on by itself when the cause ends."""

import errno
import threading
import time
import unittest

from faults import ALL, QUICK, SIZES, SYNCS, WRITES, FaultyHouse
from house import eventually, message
from load import Load, assert_served_well, drain, named
from upstream import Upstream

HONEST = [f"127.0.0.{n}" for n in range(2, 6)]
INTRUDER = "127.0.0.66"
BAIT = "old.archive@in.example"
DAY = 24 * 3600


class Device(unittest.TestCase):
    # What fails, how often, and whether a client must notice.
    TROUBLES = [
        ("every write and sync", errno.EIO, ALL, 1, True),
        ("every sync", errno.EIO, SYNCS, 1, True),
        ("every write", errno.EIO, WRITES, 1, True),
        ("each third call", errno.EIO, ALL, 3, True),
        ("each seventh call", errno.EIO, ALL, 7, False),
        ("no space", errno.ENOSPC, WRITES | SIZES, 1, True),
        ("no space now and then", errno.ENOSPC, WRITES | SIZES, 5, False),
        ("over quota", errno.EDQUOT, WRITES | SIZES, 1, True),
    ]

    def test_clients_are_put_off_while_it_fails_and_all_goes_on_when_it_works_again(self):
        with FaultyHouse(*QUICK) as house:
            with Load(house.gateway, "device", HONEST) as load:
                for what, error, calls, every, noticed in self.TROUBLES:
                    with self.subTest(fails=what):
                        self.one_trouble(house, load, error, calls, every, noticed)
            assert_served_well(self, house.gateway, house.sink, load)
            self.assertIn('detail="disk I/O error"', house.gateway.log())
            self.assertIn('why="no space left in the store"', house.gateway.log())

    def one_trouble(self, house, load, error, calls, every, noticed):
        accepted, put_off = load.accepted(), load.put_off()
        eventually(lambda: load.accepted() >= accepted + 50, "mail flows before")
        with house.faults.device(error, calls, every):
            eventually(lambda: house.faults.count("io_failed") >= 20, "calls fail")
            if noticed:
                eventually(lambda: load.put_off() >= put_off + 20, "clients are put off")
        accepted = load.accepted()
        eventually(lambda: load.accepted() >= accepted + 50, "mail flows again")

    def test_a_crash_while_it_fails_loses_nothing_either(self):
        with FaultyHouse(*QUICK) as house:
            with Load(house.gateway, "crash", HONEST) as load:
                for calls in (SYNCS, WRITES, ALL):
                    accepted, put_off = load.accepted(), load.put_off()
                    eventually(lambda: load.accepted() >= accepted + 50, "mail flows before")
                    with house.faults.device(errno.EIO, calls):
                        eventually(lambda: load.put_off() >= put_off + 20, "clients are put off")
                        house.gateway.kill()
                    house.gateway.start()
            drain(house.gateway)
            self.assertEqual([], load.refusals)
            self.assertEqual(set(), load.acknowledged - set(named(house.sink.recipients())))

    def test_nobodys_mail_leaves_before_an_alert_is_stored(self):
        upstream, go_on = Upstream(), threading.Event()
        self.addCleanup(upstream.stop)
        with FaultyHouse(*QUICK, "notices.route=notices", start=False) as house:
            gateway = house.gateway
            gateway.settings += [f"route.smarthost.port={upstream.port}",
                                 f"route.notices.port={house.sink.port}"]
            gateway.start()
            gateway.ctl("bait", "add", BAIT)
            gateway.send("anna@in.example", ["warned@in.example"], message("early"), INTRUDER)
            eventually(lambda: upstream.recipients() == ["warned@in.example"], "it has left")

            # Somebody's message is on its way: the upstream has only to ask for the content.
            upstream.script["DATA"] = [go_on]
            gateway.send("carl@in.example", ["dora@in.example"], message("under way"), HONEST[0])
            eventually(lambda: not upstream.script["DATA"], "the upstream has DATA")
            with house.faults.device(), gateway.client(INTRUDER) as session:
                session.ehlo()
                session.mail("anna@in.example")
                usual = session.rcpt("bert@in.example")
                self.assertEqual(250, usual[0])
                self.assertEqual(usual, session.rcpt(BAIT))
                eventually(lambda: "alert.not_stored" in gateway.log(), "the alert is not stored")
                self.assertTrue(gateway.status()["commits_stopped"])
                go_on.set()
                eventually(lambda: "gate.shut" in gateway.log(), "the gate is shut for everybody")
                self.assertEqual(4, session.data(message("hit"))[0] // 100)
                self.assertEqual(["warned@in.example"], upstream.recipients())
            eventually(lambda: not gateway.status()["commits_stopped"], "commits go on")

            gateway.send("anna@in.example", ["none@in.example"], message("kept"), INTRUDER)
            gateway.send("carl@in.example", ["emil@in.example"], message("new"), HONEST[0])
            eventually(lambda: sorted(upstream.recipients()) == [
                "dora@in.example", "emil@in.example", "warned@in.example"], "others' mail flows")
            self.assertEqual(1, len(gateway.rows("alert", "list")))
            kept, = gateway.rows("quarantine", "list", "ALL")
            self.assertEqual("none@in.example", kept["recipients"][0]["address"])
            eventually(lambda: house.sink.recipients() == [
                "operator@in.example", "warned@in.example"], "operator and recipient are told")


class Clock(unittest.TestCase):
    def held_for(self, house, name, jump):
        """Seconds from the 250 of a message to its arrival, with a jump of the clock in between."""
        accepted = time.monotonic()
        house.gateway.send("anna@in.example", [f"{name}@in.example"], message(name))
        house.faults.set_clock(jump)
        eventually(lambda: f"{name}@in.example" in house.sink.recipients(), "it is not stuck")
        return time.monotonic() - accepted

    def test_no_jump_releases_mail_early_keeps_it_or_ends_its_lifetime(self):
        with FaultyHouse("cordoning.period=2s", "delivery.first_retry=1s", "delivery.jitter=0",
                         "delivery.queue_lifetime=1h") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            with gateway.client(HONEST[0]) as idle:
                idle.ehlo()
                for number, jump in enumerate((2 * DAY, -2 * DAY)):
                    self.assertGreaterEqual(self.held_for(house, f"m{number}", jump), 2)
                # Its first try is refused for now: it is tried again, though days seem to pass.
                gateway.send("anna@in.example", ["later1@in.example"], message("later"))
                eventually(lambda: "outcome=deferred" in gateway.log(), "the first try")
                house.faults.set_clock(2 * DAY)
                eventually(lambda: "later1@in.example" in house.sink.recipients(), "the second")
                self.assertEqual(250, idle.noop()[0])  # an hour's silence is not meant by it

            # What was committed before the clock went back is found by the warnings all the same.
            gateway.send("anna@in.example", ["warned@in.example"], message("early"), INTRUDER)
            eventually(lambda: "warned@in.example" in house.sink.recipients(), "it has left")
            house.faults.set_clock(-2 * DAY)
            gateway.send("anna@in.example", [BAIT], message("hit"), INTRUDER)
            eventually(lambda: house.sink.recipients().count("warned@in.example") == 2, "a warning")

            # A restart at another time: the period goes on where it was.
            gateway.send("anna@in.example", ["over@in.example"], message("over"))
            gateway.stop()
            house.faults.set_clock(2 * DAY)
            gateway.start()
            eventually(lambda: "over@in.example" in house.sink.recipients(), "it is not stuck")
            self.assertNotIn("outcome=failed", gateway.log())

    def test_a_clock_set_far_ahead_does_not_make_records_old(self):
        with FaultyHouse("cordoning.period=2s") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            gateway.send("anna@in.example", ["warned@in.example"], message("early"), INTRUDER)
            eventually(lambda: "warned@in.example" in house.sink.recipients(), "it has left")
            # Longer than records are kept. What is old goes every second, so during this period.
            self.assertGreaterEqual(self.held_for(house, "meanwhile", 100 * DAY), 2)
            gateway.send("anna@in.example", [BAIT], message("hit"), INTRUDER)
            eventually(lambda: house.sink.recipients().count("warned@in.example") == 2, "a warning")


if __name__ == "__main__":
    unittest.main()
