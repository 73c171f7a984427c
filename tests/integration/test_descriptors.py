"""A full descriptor table: who is in is served, the others wait, nothing spins, and it passes."""

import os
import resource
import socket
import time
import unittest
from pathlib import Path

from faults import QUICK, sanitized
from house import PATIENCE, House, eventually, message
from load import drain, named


class Descriptors(unittest.TestCase):
    def setUp(self):
        if sanitized():
            self.skipTest("UBSan looks at objects through a pipe, for which there is no descriptor")
        self.clients = []
        self.addCleanup(lambda: [client.close() for client in self.clients])

    def fill(self, gateway):
        """More clients than the gateway has descriptors for; returns when it has none left."""
        pid = gateway.process.child.pid
        open_now = len(os.listdir(f"/proc/{pid}/fd"))
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 10, usual[1]))
        before = self.failures(gateway)
        for number in range(30):
            self.clients.append(socket.create_connection(
                ("127.0.0.1", gateway.port), PATIENCE, source_address=(f"127.0.2.{number + 1}", 0)))
        eventually(lambda: self.failures(gateway) > before, "the table is full")
        return usual

    @staticmethod
    def failures(gateway):
        return gateway.log().count("listener.accept_failed")

    @staticmethod
    def cpu_time(gateway):
        stat = Path(f"/proc/{gateway.process.child.pid}/stat").read_text()
        fields = stat.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc(5)

    def assert_idle_while_full(self, gateway):
        """A listener that cannot accept must not spin: look at it over twenty of its tries."""
        tries, began, cpu = self.failures(gateway), time.monotonic(), self.cpu_time(gateway)
        eventually(lambda: self.failures(gateway) >= tries + 20, "it goes on trying")
        passed = time.monotonic() - began
        self.assertLess(self.cpu_time(gateway) - cpu, passed / 4)

    def greeted(self):
        """How many clients the gateway has greeted by now."""
        def has_greeting(client):
            client.setblocking(False)
            try:
                return client.recv(4, socket.MSG_PEEK) == b"220 "
            except BlockingIOError:
                return False
        return sum(map(has_greeting, self.clients))

    def test_a_full_table_stops_no_session_and_passes(self):
        with House(*QUICK) as house:
            gateway = house.gateway
            with gateway.client("127.0.0.2") as session:
                session.ehlo()
                usual = self.fill(gateway)
                self.assertLess(self.greeted(), 30)
                self.assert_idle_while_full(gateway)
                # Who is in already is served; for what the store took no connection can be opened.
                for number in range(5):
                    session.sendmail("anna@in.example", [f"full-s0-m{number}@in.example"],
                                     message("full"))
                eventually(lambda: "outcome=deferred" in gateway.log(), "no way to the upstream")
                self.assertEqual([], house.sink.messages())

                # Some clients go: the others are let in, as far as there is room.
                for client in self.clients[:25]:
                    client.close()
                del self.clients[:25]
                eventually(lambda: self.greeted() == 5, "those who waited are greeted")
                gateway.send("anna@in.example", ["full-s1-m1@in.example"], message("new"))
            self.fill(gateway)
            resource.prlimit(gateway.process.child.pid, resource.RLIMIT_NOFILE, usual)
            eventually(lambda: self.greeted() == 35, "a wider table lets all in")
            drain(gateway)
            self.assertEqual({f"full-s0-m{n}": 1 for n in range(5)} | {"full-s1-m1": 1},
                             dict(named(house.sink.recipients())))


if __name__ == "__main__":
    unittest.main()
