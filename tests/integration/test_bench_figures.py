"""The arithmetic of tools/bench: what a table says is what the rounds were."""

import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from aims import AIMS, Aim
from figures import Series, short, spread, times
from peer_postfix import PostfixPeer
from processes import ProcessGroup, tree, with_reaped
from results import Results


class Figures(unittest.TestCase):
    def test_a_ratio_is_taken_within_each_round(self):
        # A machine that grew ten times slower hides nothing: Cordon was twice as fast each time.
        cordon, postfix = Series([2000, 200, 20]), Series([1000, 100, 10])
        self.assertEqual([2, 2, 2], cordon.over(postfix).values)

    def test_a_round_without_a_figure_has_no_ratio(self):
        cordon, postfix = Series([30, None, 50, 80]), Series([10, 10, None, 20])
        self.assertEqual([3, 4], cordon.over(postfix).values)
        self.assertFalse(Series([None]).over(postfix))

    def test_a_spread_is_median_least_and_most(self):
        self.assertEqual("200 (100..900)", spread(Series([900, None, 100, 200])))
        self.assertEqual("200", spread(Series([200])))
        self.assertEqual("—", spread(Series([None])))
        self.assertEqual("—", times(Series([])))

    def test_numbers_keep_three_digits_that_count(self):
        for value, text in [(16_612.4, "16,600"), (870.3, "870"), (4.312, "4.31"),
                            (0.06123, "0.0612"), (1_000_000, "1,000,000"), (999.6, "1,000"),
                            (0, "0")]:
            self.assertEqual(text, short(value))


class Rounds(unittest.TestCase):
    def test_a_figure_stands_in_its_round(self):
        results = Results(3)
        results.add("accepting", "4 KiB", "cordon", {"rate": 5})
        results.round = 2
        results.add("accepting", "4 KiB", "cordon", {"rate": 7})
        rates = results.series("accepting", "4 KiB", "cordon", "rate")
        self.assertEqual([5, None, 7], rates.values)
        self.assertEqual(["4 KiB"], results.cases("accepting"))
        self.assertFalse(results.series("accepting", "4 KiB", "nginx", "rate"))

    def test_an_aim_is_met_missed_or_unknown(self):
        results = Results(1)
        most = Aim("memory", 8, " KiB", False, ("idling", "10,000 sessions", "kib"))
        self.assertIsNone(most.met(results))
        results.add("idling", "10,000 sessions", "cordon", {"kib": 8})
        self.assertEqual(["memory", "at most 8 KiB", "8 KiB", "met"], most.row(results))
        results.add("idling", "10,000 sessions", "cordon", {"kib": 8.1})
        self.assertEqual("missed", most.row(results)[-1])

    def test_every_aim_is_missed_where_cordon_is_a_hundred_times_worse(self):
        # A figure that no scenario makes, or a limit read the wrong way round, would stay unseen.
        results = Results(1)
        for aim in AIMS:
            self.assertIsNone(aim.met(results), aim.what)
            scenario, case, figure = aim.figure
            good, bad = (1e6, 1e-6) if aim.at_least else (1e-6, 1e6)
            results.add(scenario, case, "cordon", {figure: good})
            for other in ("postfix", "nginx"):
                results.add(scenario, case, other, {figure: 1})
            self.assertTrue(aim.met(results), aim.what)
            results.add(scenario, case, "cordon", {figure: bad})
            self.assertFalse(aim.met(results), aim.what)
            results = Results(1)


class Processes(unittest.TestCase):
    def test_cpu_of_children_that_ended_counts(self):
        group = ProcessGroup("test")
        try:
            # The shell only waits: all the work is done by a child that is gone when we look.
            child = subprocess.Popen(group.inside(
                ["/bin/sh", "-c", "python3 -c 'x = sum(range(9_000_000))'; echo done; read wait"]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            group.first = child.pid
            self.assertEqual(b"done\n", child.stdout.readline())
            self.assertGreater(group.cpu_seconds(), 0.02)
            self.assertGreater(group.memory(), 0)
            self.assertIn(child.pid, group.pids())
            # What stands in where there is no control group.
            self.assertIn(child.pid, tree(child.pid))
            self.assertGreater(with_reaped(child.pid), 1)
        finally:
            child.communicate()
            group.close()


class Peers(unittest.TestCase):
    def test_postfix_is_the_one_of_the_tests_with_its_own_settings_on_top(self):
        peer = PostfixPeer(20)
        try:
            text = (peer.config / "main.cf").read_text()
            self.assertIn("smtpd_sender_restrictions = static:HOLD\n", text)
            self.assertIn("default_process_limit = 120\n", text)
            peer.start()
            self.assertTrue(peer.has(0))
        finally:
            peer.stop()


if __name__ == "__main__":
    unittest.main()
