"""Scenario "sessions": what one session costs the client, one at a time with one message: set-up,
inspection and termination, as BESIDES's table 2 splits it. Cordon with a million baits and with
none; Postfix and nginx beside it."""

import os

from baits import plant
from generator import load
from peer_nginx import NginxPeer
from peer_postfix import PostfixPeer
from peers import CordonPeer
from runs import attempt

BAITS = 1_000_000
SECONDS = 2
CASE = "4 KiB, one message"

# Columns of the report and the generator's phases that make them up.
PARTS = {"set-up": ("setup",), "inspection": ("mail", "rcpt", "data", "content"),
         "storing": ("dot",), "termination": ("quit",)}


def with_baits():
    peer = CordonPeer()
    plant(peer, BAITS)
    return peer


PEERS = {"cordon": CordonPeer, "cordon, a million baits": with_baits, "nginx": NginxPeer,
         "postfix": lambda: PostfixPeer(20)}


def measure(peer):
    os.sync()
    found = load(peer.port, sessions=1, octets=4096, per_session=1, seconds=SECONDS, warmup=0.5)
    phases = found["phases_us"]
    figures = {part: sum(phases[phase]["p50"] for phase in names) for part, names in PARTS.items()}
    figures["RCPT"] = phases["rcpt"]["p50"]
    return figures


def run(results, say):
    for name, make in PEERS.items():
        attempt(results, say, "sessions", CASE, name, make, measure)
