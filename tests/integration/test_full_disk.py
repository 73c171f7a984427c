"""A full disk: clients get 4xx, commits stop while an alert cannot be stored, and all goes on by
itself when there is space. On a small file system of its own, so it needs root."""

import os
import shutil
import smtplib
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from house import Gateway, Sink, eventually, message
from load import Load, assert_served_well

SIZE = 40 * 1024 * 1024


def done(*words):
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def mount_small(folder, at):
    """A file system of SIZE octets: ext4 on a loop device, which delays its allocations as those of
    servers do, or tmpfs where there is no such device. False if neither may be mounted."""
    image = Path(folder) / "image"
    with open(image, "wb") as file:
        file.truncate(SIZE)
    mkfs = shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if mkfs and done(mkfs, "-q", "-F", image) and done("mount", "-o", "loop", image, at):
        return True
    return done("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", at)


class FullDisk(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a file system needs root")
        self.folder = Path(tempfile.mkdtemp(prefix="cordon-full-"))
        state = self.folder / "gateway/state"
        state.mkdir(parents=True)
        if not mount_small(self.folder, state):
            shutil.rmtree(self.folder)
            self.skipTest("mounting a file system is not permitted here")
        self.state = state
        self.sink = Sink(self.folder / "sink")
        # Without a limit before it, so that the store itself finds the disk full.
        self.gateway = Gateway(self.folder / "gateway", self.sink.port,
                               ["cordoning.period=0s", "delivery.first_retry=1s",
                                "limits.min_free_disk=0"])

    def tearDown(self):
        self.gateway.stop()
        self.sink.stop()
        subprocess.run(["umount", self.state], check=True)
        shutil.rmtree(self.folder)

    def free(self):
        """Octets."""
        space = os.statvfs(self.state)
        return space.f_bavail * space.f_frsize

    def fill(self, leave=0):
        """Returns the file that takes all the space but `leave` octets."""
        ballast = self.state / "ballast"
        with open(ballast, "ab", buffering=0) as file:
            try:
                while not leave or self.free() > leave:
                    file.write(b"x" * 65536)
            except OSError:
                pass  # full: that was wanted
            os.fsync(file.fileno())
        return ballast

    def flood(self, number):
        """Uses of a bait, one after the other, until told to end."""
        source = f"127.0.1.{number}"
        while not self.end.is_set():
            try:
                self.gateway.send("anna@in.example", ["bait@in.example"], message("hit"), source)
            except (smtplib.SMTPException, OSError):
                pass

    def is_taken(self, lines=1):
        try:
            self.gateway.send("carl@in.example", ["last@in.example"],
                              message("last", "a line of a mail\r\n" * lines), "127.0.0.10")
        except smtplib.SMTPResponseException:
            return False
        return True

    def test_clients_are_put_off_and_nothing_is_lost(self):
        self.gateway.start()
        with Load(self.gateway, "full", [f"127.0.0.{n}" for n in range(2, 6)]) as load:
            for _ in range(3):
                accepted, put_off = load.accepted(), load.put_off()
                eventually(lambda: load.accepted() >= accepted + 50, "mail flows before")
                ballast = self.fill()
                # Space comes and goes with what is delivered: it is taken again and again.
                eventually(lambda: self.fill() and load.put_off() >= put_off + 20, "all is full")
                os.remove(ballast)
            accepted = load.accepted()
            eventually(lambda: load.accepted() >= accepted + 50, "mail flows again")
        assert_served_well(self, self.gateway, self.sink, load)

    def test_alerts_that_find_no_space_are_stored_when_there_is_some(self):
        gateway = self.gateway.start()
        gateway.ctl("bait", "add", "bait@in.example")
        ballast = self.fill()

        with self.assertRaises(smtplib.SMTPResponseException) as refused:
            for number in range(200):
                gateway.send("carl@in.example", ["dora@in.example"],
                             message(f"big {number}", "y" * 70 + "\r\n" * 900), "127.0.0.9")
        self.assertEqual(4, refused.exception.smtp_code // 100)

        # New origins and alerts want to be stored all the while.
        self.end = threading.Event()
        threads = [threading.Thread(target=self.flood, args=(n,)) for n in range(1, 4)]
        for thread in threads:
            thread.start()
        eventually(lambda: "alert.not_stored" in gateway.log()
                   or len(gateway.rows("alert", "list")) > 0, "an alert wants space")
        os.remove(ballast)
        self.end.set()
        for thread in threads:
            thread.join()

        eventually(lambda: not gateway.status()["commits_stopped"], "commits go on")
        eventually(self.is_taken, "mail is taken again")
        eventually(lambda: self.is_taken(10_000), "large mail, which has no row, is taken again")
        eventually(lambda: "last@in.example" in self.sink.recipients(), "mail flows again")
        # No alert was lost, and the operators were told of it.
        eventually(lambda: "operator@in.example" in self.sink.recipients(), "a report arrives")

    def test_mail_is_put_off_while_there_is_still_room_for_results(self):
        gateway = self.gateway.start(["limits.min_free_disk=16 MiB", "listener.0.mode=hold",
                                      "cordoning.period=1h"])
        gateway.send("anna@in.example", ["bert@in.example"], message("held"))
        ballast = self.fill(leave=12 * 1024 * 1024)
        eventually(lambda: not self.is_taken(), "mail is put off")
        held, = [row for row in gateway.rows("queue", "list", "ALL")
                 if row["recipients"][0]["address"] == "bert@in.example"]
        gateway.ctl("queue", "release", held["queue_id"])
        eventually(lambda: gateway.status()["committed"] == 1, "what was accepted leaves")
        os.remove(ballast)
        eventually(self.is_taken, "mail is taken again")


if __name__ == "__main__":
    unittest.main()
