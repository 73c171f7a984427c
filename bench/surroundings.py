"""Where and with what a run was made."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import house


def facts(folder):
    return {
        "machine": f"{os.cpu_count()} cores ({processor()}), {memory_gib()} GiB, Linux "
                   f"{platform.release()}",
        "disk": disk(folder),
        "Cordon": f"{version([house.BIN / 'cordond', '--version'])}, {revision()}",
        "Postfix": version(["/usr/sbin/postconf", "mail_version"]),
        "nginx": version(["/usr/sbin/nginx", "-v"]),
        "Python": platform.python_version(),
    }


def version(command):
    if not shutil.which(command[0]):
        return "not installed"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d[\w.]*", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def revision():
    """The commit, and whether the tree differs from it."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True,
                          text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip() or "revision unknown"


def processor():
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1].strip() if found else platform.machine()


def memory_gib():
    kib = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1])
    return round(kib / (1 << 20))


def disk(folder):
    """The mount that holds the servers' state: the longest mount point above it."""
    above = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    device, _, kind, options, *_ = max(
        (mount for mount in above if Path(folder).resolve().is_relative_to(mount[1])),
        key=lambda mount: len(mount[1]))
    return f"{kind} on {device} ({options})"
