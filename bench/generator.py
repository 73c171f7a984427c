"""cordon-load: the load, and sessions that only stay open."""

import json
import subprocess

import house


class LoadFault(Exception):
    """A run whose figures would not be true: mail was refused, or a connection was lost."""


def arguments(port, options):
    words = [house.BIN / "cordon-load", "--to", f"127.0.0.1:{port}"]
    for name, value in options.items():
        words += ["--" + name.replace("_", "-"), str(value)]
    return words


class Load:
    """A load under way. finish() gives what cordon-load found (bench/load_report.h)."""

    def __init__(self, port, **options):
        self.child = subprocess.Popen(arguments(port, options), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self):
        out, complaint = self.child.communicate()
        if self.child.returncode != 0:
            raise LoadFault(f"cordon-load ended with {self.child.returncode}: {complaint.strip()}")
        found = json.loads(out)
        if found["refused"] or found["errors"]:
            raise LoadFault(f"{found['refused']} refused, {found['errors']} connections lost")
        if not found["accepted"]:
            raise LoadFault("no message was accepted")
        return found


def load(port, **options):
    return Load(port, **options).finish()


class IdleSessions:
    """So many sessions after their EHLO, open within `with`."""

    def __init__(self, port, count):
        # A source address has some 28,000 ports; and servers limit the sessions of one host.
        options = {"idle": count, "from_hosts": max(1, count // 250)}
        self.child = subprocess.Popen(arguments(port, options), stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        line = self.child.stdout.readline()
        if line.strip() != "ready":
            raise LoadFault(f"the idle sessions did not open: {line!r}")
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(60)
