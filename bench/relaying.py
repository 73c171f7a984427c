"""Scenario "relaying": from the first connection until the last message has arrived at a sink.

Cordon's period is zero: each message is stored durably, claimed durably and sent on. Postfix queues
it, syncs it and sends it on. Mail comes for a few seconds as fast as it is taken, then the rest
drains; the sink's count tells when the last has come, and that none came twice or never."""

import os
import time

import house
from generator import LoadFault, load
from peer_postfix import PostfixPeer
from peers import CordonPeer, SinkPeer
from runs import attempt

NOTES = {
    "cordon": "as it ships, with the period at 0: 20 connections upstream",
    "postfix": "as for accepting, but delivering: 20 deliveries to the sink at once from the "
               "start, connections reused",
}

CASE = "4 KiB, 20 sessions"
SECONDS = 3

# 20 at once is Postfix's own limit for a destination; it would grow towards it step by step.
DELIVER = """
relayhost = [127.0.0.1]:{port}
initial_destination_concurrency = 20
smtp_connection_cache_destinations = [127.0.0.1]:{port}
"""


def relaying_cordon():
    return CordonPeer(("cordoning.period=0s",), SinkPeer())


def relaying_postfix():
    sink = SinkPeer()
    return PostfixPeer(20, DELIVER.format(port=sink.port), sink)


PEERS = {"cordon": relaying_cordon, "postfix": relaying_postfix}


def measure(peer):
    os.sync()
    earlier = peer.group.cpu_seconds()
    begin = time.monotonic()
    found = load(peer.port, sessions=20, octets=4096, seconds=SECONDS)
    sent = found["accepted_in_all"]
    house.eventually(lambda: peer.sink.count() >= sent, f"all {sent} arrive", patience=120)
    seconds = time.monotonic() - begin
    cpu = peer.group.cpu_seconds() - earlier
    if peer.sink.count() != sent:
        raise LoadFault(f"{peer.sink.count()} arrived of {sent}")
    return {"rate": sent / seconds, "accepts": found["rate"], "cpu_per_1000": 1000 * cpu / sent,
            "dot_p99_ms": found["dot_us"]["p99"] / 1000}


def run(results, say):
    for name, make in PEERS.items():
        attempt(results, say, "relaying", CASE, name, make, measure)
