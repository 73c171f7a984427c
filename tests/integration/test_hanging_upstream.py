"""An upstream that hangs: its mail waits and arrives once it answers again, and nobody else's mail
waits for it."""

import socket
import threading
import unittest

from house import House, eventually, free_port, message, without_trace
from upstream import SILENCE, Upstream

BIG = "x" * 76 + "\r\n"


class Always:
    """A script that never ends; take it from the upstream's to end it."""

    def __init__(self, answer):
        self.answer = answer

    def pop(self, _):
        return self.answer


class Hanging(unittest.TestCase):
    def setUp(self):
        self.upstream = Upstream()
        self.addCleanup(self.upstream.stop)

    def house(self, *settings):
        """Two listeners, each with a route of its own: that of port 0 leads to the sink, that of
        `self.hung` to the scripted upstream."""
        self.hung = free_port()
        return House("cordoning.period=0s", "delivery.first_retry=1s", "delivery.max_retry=1s",
                     "listener.1.name=hung", "listener.1.route=hung",
                     "listener.1.eight_bit_mime=yes", "listener.1.smtputf8=no",
                     f"listener.1.address=127.0.0.1:{self.hung}",
                     f"route.hung.port={self.upstream.port}", *settings)

    def send(self, house, to, body="Hello\r\n", hung=False):
        port = house.gateway.port
        try:
            if hung:
                house.gateway.port = self.hung
            house.gateway.send("anna@in.example", [to], message(to, body))
        finally:
            house.gateway.port = port

    def buffer(self, octets):
        """What the kernel takes of a connection yet to come before the upstream reads it."""
        self.upstream.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)

    def hang(self, event, answer=SILENCE, body="Hello\r\n", reason="time-out: reply"):
        """Six messages meet the hang, three connections at a time; then it ends."""
        self.upstream.script[event] = Always(answer)
        with self.house("delivery.command_timeout=1s", "delivery.data_timeout=1s",
                        "route.hung.max_connections=3") as house:
            for number in range(6):
                self.send(house, f"hung{number}@in.example", body, hung=True)
            self.send(house, "free@in.example")
            eventually(lambda: "free@in.example" in house.sink.recipients(), "another route")
            eventually(lambda: house.gateway.log().count(reason) >= 6, "each has met it")
            self.assertEqual([], self.upstream.messages)
            self.assertEqual(6, len(house.gateway.rows("queue", "list")))

            self.buffer(1 << 20)
            del self.upstream.script[event]
            self.send(house, "hung6@in.example", body, hung=True)
            all_seven = [f"hung{number}@in.example" for number in range(7)]
            eventually(lambda: sorted(self.upstream.recipients()) == all_seven, "all arrive")
            for _, _, (to,), content in self.upstream.messages:
                self.assertEqual(message(to, body), without_trace(content))
            eventually(lambda: house.gateway.rows("queue", "list") == [], "all is settled")
            self.assertEqual(7, len(self.upstream.messages))
            self.assertEqual(["free@in.example"], house.sink.recipients())

    def test_it_accepts_connections_and_says_nothing(self):
        self.hang("connect")

    def test_it_hangs_at_a_command(self):
        self.hang("MAIL")

    def test_it_hangs_at_data(self):
        self.hang("DATA")

    def test_it_hangs_after_the_final_dot(self):
        self.hang("dot")

    def test_it_reads_nothing_of_the_content(self):
        self.buffer(4096)  # so that the window closes long before the end
        self.hang("content", threading.Event(), BIG * 50_000, "time-out: content")

    def test_who_got_it_elsewhere_meanwhile_gets_it_once_whatever_happens(self):
        self.upstream.script["dot"] = [SILENCE]
        with self.house("route.hung.domains=hung.example") as house:
            house.gateway.send("anna@in.example", ["fast@in.example", "slow@hung.example"],
                               message("to both"))
            eventually(lambda: house.gateway.rows("revocation", "list"), "the fast one is on record")
            eventually(lambda: not self.upstream.script["dot"], "the slow one hangs")
            house.gateway.kill()
            house.gateway.start()
            eventually(lambda: house.gateway.rows("queue", "list") == [], "all is settled")
            self.assertEqual(["slow@hung.example"], self.upstream.recipients())
            self.assertEqual(["fast@in.example"], house.sink.recipients())

    def test_a_route_that_hangs_takes_no_place_from_the_others(self):
        self.upstream.script["connect"] = Always(SILENCE)
        with self.house("delivery.max_concurrent=10") as house:
            for number in range(12):
                self.send(house, f"hung{number}@in.example", hung=True)
            eventually(lambda: self.upstream.connections == 1, "one finds out, and hangs")
            self.send(house, "free@in.example")
            eventually(lambda: "free@in.example" in house.sink.recipients(), "another route")


if __name__ == "__main__":
    unittest.main()
