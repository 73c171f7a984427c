"""One run: a fresh server, measured, ended. What goes wrong in one is told in the report and does
not end the others."""

import os
import resource
import time
from pathlib import Path

from generator import LoadFault

TICKS = os.sysconf("SC_CLK_TCK")


def attempt(results, say, scenario, case, name, make, measure):
    """Adds what measure(peer) found for the peer that make() gives; nothing if it failed."""
    peer = make()
    try:
        peer.start()
        others = OtherWork(peer)
        figures = measure(peer)
        results.add(scenario, case, name, {**figures, "other_work": others.share()})
        say(f"{scenario}, {case}, {name}: " + ", ".join(
            f"{figure} {value:.4g}" for figure, value in figures.items()))
    except (AssertionError, LoadFault) as fault:
        first_line = (str(fault) or type(fault).__name__).splitlines()[0]
        results.note(f"{scenario}, {case}, {name}, round {results.round + 1} failed: {first_line}")
        say(f"{scenario}, {case}, {name} FAILED: {fault}")
    finally:
        peer.stop()


class OtherWork:
    """How much of the machine went to what has nothing to do with the run: a figure that was
    measured beside a build tells little."""

    def __init__(self, peer):
        self.groups = [peer.group] + ([peer.sink.group] if peer.sink else [])
        self.begin = time.monotonic()
        self.before = busy_seconds() - self.own_seconds()

    def own_seconds(self):
        usage = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return (sum(one.ru_utime + one.ru_stime for one in usage)
                + sum(group.cpu_seconds() for group in self.groups))

    def share(self):
        """0 to 1, of all cores."""
        others = busy_seconds() - self.own_seconds() - self.before
        return max(0.0, others / ((time.monotonic() - self.begin) * os.cpu_count()))


def busy_seconds():
    """Of all cores since the start of the machine: all but idle and waiting for I/O (proc(5))."""
    user, nice, system, _, _, *rest = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9])
    return (user + nice + system + sum(rest)) / TICKS
