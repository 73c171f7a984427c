"""Scenario "accepting": how fast mail is taken, by Cordon and Postfix durably.

Nothing leaves meanwhile: Cordon holds it for its period, Postfix in its hold queue. nginx passes it
through to a sink. Each run has a fresh server and ends with the server's own count of what it has,
which must be what the generator was told."""

import os
import time
from dataclasses import dataclass

import house
from generator import Load
from peer_nginx import NginxPeer
from peer_postfix import PostfixPeer
from peers import CordonPeer, SinkPeer
from runs import attempt

KIB, MIB = 1 << 10, 1 << 20

# A connection's messages in "many each": cordond closes one after 100,000 commands as it ships.
MANY_EACH = 10_000


@dataclass(frozen=True)
class Case:
    octets: int
    sessions: int
    each: int = MANY_EACH

    def __str__(self):
        size = f"{self.octets // MIB} MiB" if self.octets >= MIB else f"{self.octets // KIB} KiB"
        plural = "session" if self.sessions == 1 else "sessions"
        return f"{size}, {self.sessions} {plural}" + (", one each" if self.each == 1 else "")

    @property
    def seconds(self):
        """Long enough that each session sends several messages, also to the slowest peer."""
        if self.octets >= MIB:
            return 8 if self.sessions > 100 else 4
        return 3

    @property
    def warmup(self):
        """Until a Postfix has forked its two processes a session."""
        return 3 if self.sessions > 100 else 1

    def load_options(self):
        options = {"sessions": self.sessions, "octets": self.octets, "seconds": self.seconds,
                   "warmup": self.warmup, "per_session": self.each}
        if self.each == 1:
            options["from_hosts"] = 8  # one address has too few ports for so many connections
        return options


SESSIONS = (1, 20, 100, 500)
QUICK = [Case(4 * KIB, 20), Case(4 * KIB, 100)]
FULL = ([Case(octets, sessions) for octets in (4 * KIB, 64 * KIB, MIB) for sessions in SESSIONS]
        + [Case(4 * KIB, sessions, 1) for sessions in SESSIONS])
# In the first round only: with large messages a connection for each matters little.
ONCE = [Case(octets, sessions, 1) for octets in (64 * KIB, MIB) for sessions in SESSIONS]

PEERS = {"cordon": CordonPeer, "postfix": PostfixPeer, "nginx": NginxPeer, "sink": SinkPeer}


def measure(peer, case):
    """The figures of one run."""
    os.sync()  # what the run before left to write is not this one's
    load = Load(peer.port, **case.load_options())
    time.sleep(case.warmup)
    before = peer.group.cpu_seconds()
    time.sleep(case.seconds)
    cpu = peer.group.cpu_seconds() - before
    found = load.finish()
    house.eventually(lambda: peer.has(found["accepted_in_all"]),
                     f"{peer.name} has the {found['accepted_in_all']} messages it took")
    return {
        "rate": found["rate"],
        "dot_p50_ms": found["dot_us"]["p50"] / 1000,
        "dot_p99_ms": found["dot_us"]["p99"] / 1000,
        "cpu_per_1000": 1000 * cpu / found["accepted"],
        # Postfix: thousands of processes that share their programs, all still there.
        "peak_mib": (peer.group.memory() if peer.name == "postfix"
                     else peer.group.peak_memory()) / MIB,
        "accepted": found["accepted_in_all"],
    }


def run(results, cases, say):
    for case in cases:
        for name, make in PEERS.items():
            attempt(results, say, "accepting", str(case), name, make,
                    lambda peer, case=case: measure(peer, case))
