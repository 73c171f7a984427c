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


class FullDisk(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a tmpfs needs root")
        self.folder = Path(tempfile.mkdtemp(prefix="cordon-full-"))
        state = self.folder / "gateway/state"
        state.mkdir(parents=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", state],
                          check=False, capture_output=True).returncode != 0:
            shutil.rmtree(self.folder)
            self.skipTest("mounting a tmpfs is not permitted here")
        self.state = state
        self.sink = Sink(self.folder / "sink")
        self.gateway = Gateway(self.folder / "gateway", self.sink.port,
                               ["cordoning.period=0s", "delivery.first_retry=1s",
                                "limits.min_free_disk=0"]).start()

    def tearDown(self):
        self.gateway.stop()
        self.sink.stop()
        subprocess.run(["umount", self.state], check=True)
        shutil.rmtree(self.folder)

    def flood(self, number):
        """Uses of a bait, one after the other, until told to end."""
        source = f"127.0.1.{number}"
        while not self.end.is_set():
            try:
                self.gateway.send("anna@in.example", ["bait@in.example"], message("hit"), source)
            except (smtplib.SMTPException, OSError):
                pass

    def test_it_recovers_by_itself(self):
        gateway = self.gateway
        gateway.ctl("bait", "add", "bait@in.example")
        ballast = self.state / "ballast"
        with open(ballast, "wb") as file:
            try:
                while True:
                    file.write(b"x" * 65536)
                    file.flush()
            except OSError:
                pass  # full: that was wanted

        with self.assertRaises(smtplib.SMTPDataError) as refused:
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
        gateway.send("carl@in.example", ["last@in.example"], message("last"), "127.0.0.10")
        eventually(lambda: "last@in.example" in self.sink.recipients(), "mail flows again")
        # No alert was lost, and the operators were told of it.
        eventually(lambda: "operator@in.example" in self.sink.recipients(), "a report arrives")


if __name__ == "__main__":
    unittest.main()
