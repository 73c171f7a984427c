"""Scenario "sharing": what a host that sends little feels of one that sends all it can.

The first host begins 100 messages of 4 KiB a second in up to 20 sessions, whether or not earlier
ones have been answered; beside it one other host sends with as many sessions and as large messages
as the case says, as fast as they are taken. Generator and server share the machine, so part of what
the first host feels is the other's own work: Postfix beside it shows how much that may be."""

import os
import time

from generator import Load
from peer_postfix import PostfixPeer
from peers import CordonPeer
from runs import attempt

KIB, MIB = 1 << 10, 1 << 20

HONEST = {"sessions": 20, "octets": 4 * KIB, "rate": 100}
SECONDS = 6
WARMUP = 4   # until a Postfix has forked its processes for the other host

ALONE = "alone"
FLOODS = {
    ALONE: None,
    "500 sessions, 4 KiB": {"sessions": 500, "octets": 4 * KIB},
    "500 sessions, 64 KiB": {"sessions": 500, "octets": 64 * KIB},
    "500 sessions, 1 MiB": {"sessions": 500, "octets": MIB},
    "20 sessions, 50 MiB": {"sessions": 20, "octets": 50 * MIB},
}

PEERS = {"cordon": CordonPeer, "postfix": lambda: PostfixPeer(540)}


def measure(peer, flood):
    """What the first host found. Of the other's messages those of its whole run count, since few
    large ones are begun and ended within a window."""
    os.sync()
    other = None
    if flood:
        # From an address of its own, 127.0.1.1; the first host has 127.0.0.1.
        other = Load(peer.port, from_hosts=1, seconds=WARMUP + SECONDS, **flood)
        time.sleep(WARMUP)
    found = Load(peer.port, seconds=SECONDS, warmup=0.5, **HONEST).finish()
    phases = found["phases_us"]
    figures = {"dot_p50_ms": found["dot_us"]["p50"] / 1000,
               "dot_p99_ms": found["dot_us"]["p99"] / 1000,
               "before_dot_p50_ms": sum(phases[phase]["p50"] for phase in
                                        ("mail", "rcpt", "data", "content")) / 1000,
               "late_p99_ms": found["late_us"]["p99"] / 1000,
               "rate": found["rate"]}
    if other:
        taken = other.finish()
        figures["flood_mib"] = taken["octets"] / taken["seconds"] / MIB
    return figures


def run(results, say):
    for case, flood in FLOODS.items():
        for name, make in PEERS.items():
            attempt(results, say, "sharing", case, name, make,
                    lambda peer, flood=flood: measure(peer, flood))
