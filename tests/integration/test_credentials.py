"""Keys of the credentials that mail waits with: where they are, when they end, and that no core shows
them."""

import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from house import Gateway, House, Process, eventually, message
from upstream import Upstream

ANNA = ("anna@in.example", "s3cret-of-anna")
ANOTHER_USER = 54321  # nobody's


class Keys(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cordon-keys-")
        self.addCleanup(folder.cleanup)
        self.keys = Path(folder.name) / "keys"
        self.upstream = Upstream(password=ANNA)
        self.addCleanup(self.upstream.stop)

    def house(self, *settings, start=True):
        house = House("listener.0.auth=offered", "listener.0.auth_verify=upstream",
                      "listener.0.auth_in_plain=true", "route.smarthost.tls=none",
                      "route.smarthost.auth_in_plain=true",
                      f"route.smarthost.port={self.upstream.port}",
                      f"credentials.directory={self.keys}", *settings, start=start)
        self.addCleanup(house.__exit__, None, None, None)
        return house

    def offered(self, gateway):
        with gateway.client() as session:
            session.ehlo()
            return "auth" in session.esmtp_features

    def send(self, gateway, name):
        eventually(lambda: self.offered(gateway), "AUTH is offered")
        with gateway.client() as session:
            session.login(*ANNA)
            session.sendmail(ANNA[0], [f"{name}@out.example"], message(name))

    def records(self):
        """What the file has of keys: nothing but zeros if they are destroyed."""
        return (self.keys / "cordon.keys").read_bytes()[64:].strip(b"\0")

    def states(self, gateway):
        return [row["queue_name"] for row in gateway.rows("queue", "list")]

    def test_credentials_that_have_lived_their_time_end_and_are_asked_for_again(self):
        house = self.house("cordoning.period=1h", "credentials.ttl=1s")
        gateway = house.gateway
        accepted = time.time()
        self.send(gateway, "one")
        self.assertEqual(["incoming"], self.states(gateway))
        self.assertNotEqual(b"", self.records())
        gateway.stop()
        eventually(lambda: time.time() > accepted + 2, "its time is over")
        gateway.start()
        self.assertEqual(b"", self.records())
        eventually(lambda: self.states(gateway) == ["needs-credentials"], "the row is dropped too")
        self.assertIn("credentials.ended", gateway.log())
        with gateway.client() as session:
            eventually(lambda: self.offered(gateway), "AUTH is offered")
            session.login(*ANNA)
        eventually(lambda: self.states(gateway) == ["incoming"], "its user has logged in")
        self.assertNotEqual(b"", self.records())

    def test_an_operator_who_deletes_a_message_destroys_its_key(self):
        gateway = self.house("cordoning.period=1h").gateway
        self.send(gateway, "one")
        self.send(gateway, "two")
        held = self.records()
        first, second = (row["queue_id"] for row in gateway.rows("queue", "list"))
        gateway.ctl("queue", "delete", first, "--yes")
        self.assertTrue(0 < len(self.records()) < len(held))
        gateway.ctl("queue", "delete", second, "--yes")
        self.assertEqual(b"", self.records())

    def test_keys_that_a_crash_left_end_at_the_start_though_no_listener_needs_them(self):
        gateway = self.house("cordoning.period=1h").gateway
        self.send(gateway, "one")
        kept = (self.keys / "cordon.keys").read_bytes()
        gateway.ctl("queue", "delete", gateway.rows("queue", "list")[0]["queue_id"], "--yes")
        gateway.kill()
        (self.keys / "cordon.keys").write_bytes(kept)  # as before the sync
        self.assertNotEqual(b"", self.records())
        gateway.start(["listener.0.auth=none", "listener.0.auth_verify=local"])
        self.assertEqual(b"", self.records())

    def test_keys_that_others_could_read_keep_the_gateway_from_starting(self):
        self.keys.mkdir(mode=0o755)
        house = self.house(start=False)
        done = subprocess.run(house.gateway.args(), capture_output=True, text=True, timeout=60)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"cordond: {self.keys}: may be entered by others; take that away: chmod 700 "
                      f"{self.keys}\n", done.stderr)
        self.assertEqual([], list(self.keys.iterdir()))


class AsAnother(Gateway):
    def args(self, extra=()):
        return [*as_another(), *super().args(extra)]


def as_another():
    """In front of a command: runs it as a user who is not root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={ANOTHER_USER}", f"--regid={ANOTHER_USER}", "--clear-groups"]


class Core(unittest.TestCase):
    def owner(self, pid):
        """Of what /proc tells in confidence: root's for a process that no core is made of."""
        return os.stat(f"/proc/{pid}/environ").st_uid

    def test_no_core_is_made_of_it_by_a_pipe_either(self):
        user = ANOTHER_USER if os.geteuid() == 0 else os.geteuid()
        with tempfile.TemporaryDirectory(prefix="cordon-core-") as folder:
            os.chown(folder, user, -1)
            gateway = AsAnother(Path(folder) / "gateway", 1)
            os.chown(gateway.folder, user, -1)
            any_other = Process([*as_another(), "sleep", "600"], Path(folder) / "sleep.log")
            try:
                gateway.start()
                eventually(lambda: self.owner(any_other.child.pid) == user, "that is its user's")
                self.assertNotEqual(user, self.owner(gateway.process.child.pid))
            finally:
                any_other.stop(signal.SIGKILL)
                if gateway.process:
                    gateway.stop()


if __name__ == "__main__":
    unittest.main()
