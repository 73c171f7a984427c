"""Scenario "idling": what a plaintext session costs in user space that said EHLO and waits.

The growth of the server's memory (PSS of all its processes, so that shared pages count once) by so
many sessions, divided by their number. Before, the server has carried some mail, so that what it
sets up once is not counted to the sessions."""

import house
from generator import IdleSessions, load
from peer_nginx import NginxPeer
from peer_postfix import PostfixPeer
from peers import CordonPeer
from runs import attempt

KIB = 1024

QUICK = (1_000,)
FULL = (1_000, 10_000)
# nginx with the buffer it ships with, which it has for each session.
POSTFIX = 100  # a process each: more would only measure the machine


def peers_for(count):
    return {"cordon": (CordonPeer, count), "nginx": (lambda: NginxPeer("4k"), count),
            "postfix": (lambda: PostfixPeer(POSTFIX), POSTFIX)}


def settled(measure):
    """The value once it stays within a hundredth: a server goes on for a moment after the last
    reply was read."""
    last = [0]

    def same():
        now = measure()
        near = abs(now - last[0]) <= now / 100
        last[0] = now
        return now if near else None

    return house.eventually(same, "the server's memory settles")


def measure(peer, count):
    load(peer.port, sessions=20, octets=4096, messages=400)
    before = settled(peer.group.memory)
    with IdleSessions(peer.port, count):
        after = settled(peer.group.memory)
    return {"kib": (after - before) / count / KIB, "sessions": count}


def run(results, counts, say):
    for count in counts:
        for name, (make, own_count) in peers_for(count).items():
            attempt(results, say, "idling", f"{count:,} sessions", name, make,
                    lambda peer, own_count=own_count: measure(peer, own_count))
