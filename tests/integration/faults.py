"""Faults for a running cordond, on order: a device that fails, allocations that fail, a clock that
jumps. The other half is faults.cpp, which cordond is started with."""

import contextlib
import errno
import mmap
import os
import struct
import unittest
from pathlib import Path

from house import BIN, House

# Immediate commits and quick retries.
QUICK = ["cordoning.period=0s", "delivery.first_retry=1s", "delivery.jitter=0"]

WRITES, SYNCS, SIZES = 1, 2, 4
ALL = WRITES | SYNCS | SIZES

LIBRARY = BIN / "cordon-faults.so"

# Eight octets each, as in faults.h.
FIELDS = ["io_error", "io_calls", "io_every", "io_failed",
          "memory_every", "memory_least", "memory_failed", "clock_ahead"]


def sanitized():
    """The sanitizer that cordond is built with, if any."""
    program = (BIN / "cordond").read_bytes()
    return next((name for name in ("asan", "tsan") if f"lib{name}.so".encode() in program), None)


class Faults:
    def __init__(self, folder, state):
        """For a cordond with its files in `state`; `folder` takes the file of the orders."""
        if not LIBRARY.exists():
            raise AssertionError(f"{LIBRARY} is not built")
        if sanitized() == "tsan":
            raise unittest.SkipTest("TSan takes no library before itself")
        self.path = Path(folder) / "faults"
        self.path.write_bytes(bytes(8 * len(FIELDS)))
        self.state = Path(state)
        self.state.mkdir(parents=True, exist_ok=True)
        with open(self.path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 8 * len(FIELDS))

    def environment(self):
        found = {"LD_PRELOAD": str(LIBRARY), "CORDON_FAULTS": str(self.path),
                 "CORDON_FAULTS_UNDER": os.path.realpath(self.state)}
        if sanitized():
            found["ASAN_OPTIONS"] = ":".join(
                filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        return found

    def order(self, **fields):
        # The field that puts the others in force comes last.
        for name in sorted(fields, key=["io_error", "memory_every"].__contains__):
            struct.pack_into("=q", self.page, 8 * FIELDS.index(name), fields[name])

    def count(self, name):
        return struct.unpack_from("=q", self.page, 8 * FIELDS.index(name))[0]

    @contextlib.contextmanager
    def device(self, error=errno.EIO, calls=ALL, every=1):
        """The device fails each n-th of these calls."""
        self.order(io_calls=calls, io_every=every, io_failed=0, io_error=error)
        try:
            yield
        finally:
            self.order(io_error=0)

    @contextlib.contextmanager
    def memory(self, every=1, least=1):
        """Each n-th allocation of at least so many octets fails in the threads that write."""
        if sanitized():
            raise unittest.SkipTest("a sanitizer has its own allocator")
        self.order(memory_least=least, memory_failed=0, memory_every=every)
        try:
            yield
        finally:
            self.order(memory_every=0)

    def set_clock(self, ahead):
        """Seconds before or after the true time; time since start-up goes on as ever."""
        self.order(clock_ahead=ahead)


class FaultyHouse(House):
    """A house whose gateway can be given faults."""

    def __init__(self, *settings, start=True):
        super().__init__(*settings, start=False)
        try:
            self.faults = Faults(self.folder, self.gateway.folder / "state")
        except unittest.SkipTest:
            self.sink.stop()
            raise
        self.gateway.environment = self.faults.environment()
        if start:
            self.gateway.start()
