"""Mail servers whose packages tools/setup unpacks and does not install: Debian has one of them a
machine. Each runs in a small root of its own, where it finds the paths and users that it was
compiled for; the system's are not touched."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from house import Process, eventually, free_port, port_open

PEERS = Path(__file__).parents[2] / "build/peers"


class SmallRoot:
    """A server in the folder `root`, with the files of its package and the libraries that `program`
    needs. `users` are {name: home}. It listens on `port` of 127.0.0.1 from start() to stop()."""

    def __init__(self, package, program, users):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root may change the root")
        if not (PEERS / package).exists():
            raise unittest.SkipTest(f"tools/setup has not unpacked {package}")
        self.root = Path(tempfile.mkdtemp(prefix=f"cordon-{package}-"))
        self.root.chmod(0o755)
        self.port = free_port()
        self.process = None
        shutil.copytree(PEERS / package / "usr", self.root / "usr", symlinks=True,
                        ignore=shutil.ignore_patterns("share"))
        self.copy_libraries(PEERS / package / program)
        self.uids = {name: 60000 + n for n, name in enumerate(users, 1)} | {"root": 0}
        self.name_users({"root": "/", **users})
        self.write("etc/hosts", "127.0.0.1 localhost gw.example mx.example\n")
        self.write("etc/nsswitch.conf", "hosts: files\n")
        self.write("dev/null", "")  # a file does: nothing is read from it, and little written

    def copy_libraries(self, program):
        told = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=60,
                              check=True).stdout
        for path in (word for word in told.split() if word.startswith("/")):
            target = self.root / path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)

    def name_users(self, homes):
        self.write("etc/passwd", "".join(f"{name}:x:{self.uids[name]}:{self.uids[name]}::{home}:"
                                         "/bin/false\n" for name, home in homes.items()))
        self.write("etc/group", "".join(f"{name}:x:{self.uids[name]}:\n" for name in homes))

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def write_secret(self, path, text, owner="root"):
        """A file that nobody but its owner may read."""
        file = self.write(path, text)
        file.chmod(0o600)
        self.give(file, owner)

    def folder(self, path, owner="root", mode=0o755):
        made = self.root / path
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(mode)
        self.give(made, owner)

    def give(self, path, owner):
        os.chown(path, self.uids[owner], self.uids[owner])

    def command(self):
        """What is to run in the root, and to stay in the foreground."""
        raise NotImplementedError

    def start(self):
        self.process = Process(["chroot", self.root, *self.command()], self.root / "output")
        try:
            eventually(lambda: port_open(self.port) or not self.process.alive(), "it listens")
            if not self.process.alive():
                raise AssertionError(f"{self.command()[0]} ended")
        except AssertionError as fault:
            log = self.log()
            self.stop()
            raise AssertionError(f"{fault}\n{log}") from None
        return self

    def stop(self):
        if self.process:
            self.process.stop()
        shutil.rmtree(self.root, ignore_errors=True)  # a delivery may be at its end yet

    def log(self):
        return (self.root / "output").read_text(errors="replace")
