"""Samples of a running cordond, and the verdict on them."""

import os
import statistics
import time

from soak_story import Actor

MARGIN = 1.10    # of the memory's growth from the middle third to the last
MARGIN_KIB = 4096
SPARE_DESCRIPTORS = 8  # readers of the store, opened when they are first needed

COLUMNS = ["seconds", "rss_kib", "fds", "threads", "wal_kib", "db_kib", "state_kib", "held",
           "in_flight", "quarantined", "accepted", "committed"]


class Watch(Actor):
    """Takes a sample every few seconds."""

    def __init__(self, gateway, every):
        super().__init__(every)
        self.gateway = gateway
        self.began = time.monotonic()
        self.samples = []
        self.proc = f"/proc/{gateway.process.child.pid}"
        self.fds_at_start = self.fds()

    def fds(self):
        return len(os.listdir(f"{self.proc}/fd"))

    def act(self):
        passed = time.monotonic() - self.began
        with open(f"{self.proc}/status", encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        state = self.gateway.folder / "state"
        figures = self.gateway.status()
        self.samples.append(dict(zip(COLUMNS, [
            round(passed), int(status["VmRSS"].split()[0]), self.fds(), int(status["Threads"]),
            kib(state / "cordon.db-wal"), kib(state / "cordon.db"),
            sum(map(kib, state.iterdir())),
            *(figures[name] for name in COLUMNS[COLUMNS.index("held"):])])))
        print(row(self.samples[-1].values()), flush=True)

    def third(self, number):
        """Median of the memory in KiB over the n-th third of the samples."""
        size = len(self.samples) // 3
        return statistics.median(s["rss_kib"] for s in self.samples[number * size:][:size])

    def faults_found(self):
        """What is wrong with the samples, in words."""
        if len(self.samples) < 9:
            return ["too few samples for a verdict"]
        middle, last = self.third(1), self.third(2)
        if last > middle * MARGIN + MARGIN_KIB:
            return [f"memory grows: {middle:.0f} KiB in the middle third, {last:.0f} in the last"]
        return []


def kib(path):
    """What it takes of the disk."""
    try:
        return path.stat().st_blocks // 2
    except FileNotFoundError:
        return 0


def row(values):
    return " ".join(f"{value:>11}" for value in values)
