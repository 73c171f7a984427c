"""What a server costs: all of its processes together, also those that come and go.

A control group counts the CPU of everything that ever ran in it, so a Postfix whose short-lived
processes end within a run is counted whole. Where none can be made (no cgroup v2, no root) the tree
below the server's first process is summed up instead, with the reaped children each process reports
(getrusage(2), RUSAGE_CHILDREN)."""

import os
import subprocess
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
KIB = 1024


def cgroup_root():
    """Where the v2 hierarchy is mounted; None if nowhere."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(folder)
    return None


class ProcessGroup:
    """The processes of one server. Commands made by `inside` start in it, with all they start."""

    made = 0

    def __init__(self, name):
        self.folder = None
        self.first = None  # pid of the first process: needed only without a control group
        ProcessGroup.made += 1
        root = cgroup_root()
        if root:
            folder = root / f"cordon-bench-{os.getpid()}-{ProcessGroup.made}-{name}"
            self.folder = folder if usable(folder) else None

    @property
    def how(self):
        return "control group" if self.folder else "process tree"

    def inside(self, command):
        """The command that runs `command` in the group, under the same pid."""
        if not self.folder:
            return list(command)
        return ["/bin/sh", "-c", f'echo $$ >"{self.folder}/cgroup.procs" && exec "$@"', "sh",
                *map(str, command)]

    def pids(self):
        if self.folder:
            return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]
        return tree(self.first) if self.first else []

    def cpu_seconds(self):
        """User and system time of all that ever ran here."""
        if self.folder:
            lines = (self.folder / "cpu.stat").read_text().splitlines()
            return int(dict(line.split() for line in lines)["usage_usec"]) / 1e6
        return sum(with_reaped(pid) for pid in self.pids()) / TICKS

    def memory(self):
        """Octets now, shared pages counted once (PSS)."""
        return sum(pss(pid) for pid in self.pids())

    def peak_memory(self):
        """Octets: the sum of each process's own peak (VmHWM). Exact for one process, an upper bound
        for few; for many processes that share their program ask `memory` under load instead."""
        return sum(high_water(pid) for pid in self.pids())

    def close(self):
        """After the server has ended."""
        if self.folder:
            try:
                self.folder.rmdir()
            except OSError:
                pass  # a straggler is still being reaped; an empty group costs nothing
            self.folder = None


def usable(folder):
    """Makes the group; False if we may not, or may put nothing into it."""
    try:
        folder.mkdir()
    except OSError:
        return False
    enter = subprocess.run(["/bin/sh", "-c", f'echo $$ >"{folder}/cgroup.procs"'], check=False,
                           stderr=subprocess.DEVNULL)
    if enter.returncode != 0:
        folder.rmdir()
    return enter.returncode == 0


def tree(root):
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := read_stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, look = [], [root]
    while look:
        pid = look.pop()
        found.append(pid)
        look += children.get(pid, [])
    return found


def read_stat(pid):
    """The fields of /proc/PID/stat from the state on (proc(5)); None if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def with_reaped(pid):
    stat = read_stat(pid)
    return sum(map(int, stat[11:15])) if stat else 0  # utime, stime, cutime, cstime


def pss(pid):
    return kib_field(f"/proc/{pid}/smaps_rollup", "Pss:")


def high_water(pid):
    return kib_field(f"/proc/{pid}/status", "VmHWM:")


def kib_field(path, name):
    try:
        for line in Path(path).read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * KIB
    except OSError:
        pass  # it has just ended
    return 0
