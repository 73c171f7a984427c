"""Scenario "recovering": a host that already has many messages held meets a bait.

Timed is the RCPT that uses the bait, until its 250: the cordon is raised in memory before that
reply, under the lock that the last look before a final dot takes, so from then on nothing of the
host can leave. Then the time until the alert is in the database, read through the control socket.
Beside them: what so much held mail costs in memory, at start-up, and other hosts that send
meanwhile."""

import os
import socket
import time

from control import Control
from generator import LoadFault, load
from peers import CordonPeer
from runs import attempt

QUICK = (1_000,)
FULL = (1_000, 100_000)
ONCE = (1_000_000,)  # takes minutes to fill: in the first round only

BAIT = "old.archive@bait.example"
REPEATS = 3  # raised, withdrawn, and raised again


class Client:
    """One SMTP session that times its commands."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.socket.makefile("rb")
        self.reply()
        self.say("EHLO mailer.example")
        self.say("MAIL FROM:<anna@client.example>")

    def reply(self):
        while (line := self.replies.readline())[3:4] == b"-":
            pass
        if line[:1] != b"2":
            raise LoadFault(f"not a 2xx: {line!r}")

    def say(self, command):
        """Seconds until the reply."""
        begin = time.perf_counter()
        self.socket.sendall(command.encode() + b"\r\n")
        self.reply()
        return time.perf_counter() - begin

    def close(self):
        self.say("QUIT")
        self.replies.close()
        self.socket.close()


def raise_once(peer, control, held):
    """{figure: seconds} of one alert, whose cordon is then withdrawn again."""
    last = max((int(row["alert_id"]) for row in control.ask("alert.list")), default=0)
    client = Client(peer.port)
    honest = client.say("RCPT TO:<bert@server.example>")
    begin = time.perf_counter()
    with_bait = client.say(f"RCPT TO:<{BAIT}>")
    while not [row for row in control.ask("alert.list") if int(row["alert_id"]) > last]:
        pass
    durable = time.perf_counter() - begin
    quarantined = control.ask("status")[0]["quarantined"]
    if quarantined < held:
        raise LoadFault(f"{quarantined} of {held} are in quarantine")
    client.close()
    control.ask("cordon.lift", ids=[row["cordon_id"] for row in control.ask("cordon.list")],
                withdraw=True)
    return {"honest": honest, "with_bait": with_bait, "durable": durable}


def raises(peer, held):
    with Control(peer.gateway.socket) as control:
        found = [raise_once(peer, control, held) for _ in range(REPEATS)]
        if (committed := control.ask("status")[0]["committed"]) != 0:
            raise LoadFault(f"{committed} messages left")
    # The first is the slowest, and the one that counts in life.
    return {"rcpt_honest_ms": 1000 * max(one["honest"] for one in found),
            "rcpt_ms": 1000 * max(one["with_bait"] for one in found),
            "durable_ms": 1000 * max(one["durable"] for one in found)}


def start_seconds(peer):
    peer.end()
    begin = time.monotonic()
    peer.start()
    return time.monotonic() - begin


def measure(peer, held):
    peer.gateway.ctl("bait", "add", BAIT)
    before = peer.group.memory()
    if held:
        load(peer.port, sessions=100, octets=4096, messages=held)
    if (count := peer.gateway.status()["held"]) != held:
        raise LoadFault(f"{count} are held of {held}")
    figures = {"octets_each": (peer.group.memory() - before) / held} if held else {}
    os.sync()
    # From another host than the one that filled it.
    figures["rate"] = load(peer.port, sessions=20, octets=4096, seconds=3, warmup=1,
                           from_hosts=1)["rate"]
    figures["start_s"] = start_seconds(peer)
    if held:
        figures["octets_each_after_start"] = (peer.group.memory() - before) / held
    return figures | raises(peer, held)


def run(results, levels, say):
    for held in (0, *levels):
        attempt(results, say, "recovering", f"{held:,} held", "cordon", CordonPeer,
                lambda peer, held=held: measure(peer, held))
