"""The servers that are compared, each with the same few words:

    start(), stop()      in a private folder on the real disk, on loopback
    port                 where it takes mail
    group                its processes (processes.py)
    sink                 where its mail goes, if anywhere; started and stopped with it
    has(count)           whether it holds, or has passed on, `count` messages: nothing cheats

Each is as it ships but for what its NOTE tells, which goes into the report. Here are our own;
peer_postfix.py and peer_nginx.py have the others."""

import re
import shutil
import signal
import tempfile
from pathlib import Path

import house
from processes import ProcessGroup

NOBODY = 1          # a port where no upstream listens; nothing is due to leave
MANY = 100_000_000  # more than any run holds


def private_folder(name):
    """Below tempfile's folder, which the entry puts on the real disk. Postfix's own user must be
    able to pass through."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    folder.chmod(0o755)
    return folder


class SinkPeer:
    name = "sink"
    sink = None
    NOTE = "cordon-sink alone: takes and forgets, the ceiling of generator and loopback"

    def __init__(self, port=None):
        self.folder = private_folder(self.name)
        self.group = ProcessGroup(self.name)
        self.port = port or house.free_port()
        self.process = None

    def start(self):
        self.process = house.Process(
            self.group.inside([house.BIN / "cordon-sink", "--listen", f"127.0.0.1:{self.port}",
                               "--quiet"]), self.folder / "sink.log")
        self.group.first = self.process.child.pid
        house.eventually(lambda: house.port_open(self.port), "the sink listens")
        return self

    def count(self):
        """Messages it has taken; asked by signal, told in its output."""
        before = len(self.told())
        self.process.child.send_signal(signal.SIGUSR1)
        house.eventually(lambda: len(self.told()) > before, "the sink tells its count")
        return self.told()[-1]

    def told(self):
        return [int(n) for n in re.findall(r"^messages (\d+) ",
                                           self.process.log_path.read_text(), re.M)]

    def has(self, count):
        return self.count() == count

    def stop(self):
        if self.process:
            self.process.stop()
        self.group.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class GroupedGateway(house.Gateway):
    """The tests' cordond, in a group."""

    group = None

    def args(self, extra=()):
        return self.group.inside(super().args(extra))


class CordonPeer:
    name = "cordon"
    NOTE = ("as it ships, but the period and the caps above what is sent (mail is held, durably), "
            "1,000 sessions allowed from one host, 20,000 in all")
    HOLD = ("cordoning.period=6d", f"cordoning.max_held={MANY}",
            f"cordoning.max_held_per_origin={MANY}")
    ROOM = ("limits.max_sessions_per_host=1000", "limits.max_sessions=20000")

    def __init__(self, settings=HOLD, sink=None):
        """It holds all mail, unless other `settings` let it go to the sink."""
        self.sink = sink
        self.folder = private_folder(self.name)
        self.group = ProcessGroup(self.name)
        self.gateway = GroupedGateway(self.folder, sink.port if sink else NOBODY,
                                      [*self.ROOM, *settings])
        self.gateway.group = self.group
        self.port = self.gateway.port

    def start(self):
        if self.sink and not self.sink.process:
            self.sink.start()
        self.gateway.start()
        self.group.first = self.gateway.process.child.pid
        return self

    def has(self, count):
        status = self.gateway.status()
        return status["held"] == count and status["accepted"] == count

    def end(self):
        """Ends the program and keeps the state, for another start()."""
        self.gateway.stop()

    def stop(self):
        if self.gateway.process and self.gateway.process.alive():
            self.gateway.stop()
        if self.sink:
            self.sink.stop()
        self.group.close()
        shutil.rmtree(self.folder, ignore_errors=True)
