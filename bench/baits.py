"""Baits by the million. `cordonctl bait add` vets each and makes a new table for each 10,000, which
is right for people and takes minutes here; so the rows go straight into the database of a gateway
that is not running."""

import sqlite3
import time

ADDRESS = 0       # baits::BaitKind
BAIT_COUNTER = 5  # store::IdKind


def rows(count):
    now = int(time.time() * 1000)
    for number in range(1, count + 1):
        yield number, ADDRESS, f"bait.{number}@host{number % 977}.bait.example", now


def plant(peer, count):
    """Into the state of `peer`, a CordonPeer that was never started."""
    peer.start()
    peer.end()
    database = sqlite3.connect(peer.folder / "state/cordon.db")
    with database:
        database.executemany(
            "INSERT INTO bait (id, kind, value, label, added_at, retired_why, hits)"
            " VALUES (?, ?, ?, '', ?, '', 0)", rows(count))
        database.execute("UPDATE id_mark SET next = ? WHERE kind = ?", (count + 1, BAIT_COUNTER))
    database.close()
    peer.start()
    if (loaded := peer.gateway.status()["baits"]) != count:
        raise AssertionError(f"{loaded} baits are loaded, not {count}")
    peer.end()
