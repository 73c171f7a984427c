"""Who the client is by the word of a trusted peer, and what no client may do: too much in a minute,
talk first, speak another protocol, dawdle."""

import re
import socket
import struct
import unittest

from house import PATIENCE, House, eventually, message
from secure import SecureHouse, without_verifying
from test_sessions import Raw

PROXY = "listener.0.proxy_protocol=127.0.0.1/32"
XCLIENT = "listener.0.xclient=127.0.0.1/32"
BAIT = "bait@in.example"


def proxy_v1(source):
    return f"PROXY TCP4 {source} 192.0.2.25 40000 25\r\n".encode()


def proxy_v2(source, tlv=b"\x04\x00\x03abc"):
    addresses = socket.inet_aton(source) + socket.inet_aton("192.0.2.25") + struct.pack("!HH", 40000,
                                                                                     25)
    return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(addresses + tlv)) + addresses
            + tlv)


def deliver(raw, sender=b"anna@in.example", recipient=b"bert@in.example", helo=b"c.example"):
    """The codes of the replies to one message, the last one first said to be queued."""
    replies = []
    for command in (b"EHLO " + helo, b"MAIL FROM:<%s>" % sender, b"RCPT TO:<%s>" % recipient,
                    b"DATA", message("told") + b"."):
        raw.send(command + b"\r\n")
        replies.append(raw.reply()[:3])
    return replies


class ProxyHeader(unittest.TestCase):
    def test_the_client_is_whom_the_header_names_for_trace_log_and_origin(self):
        headers = {"192.0.2.77": proxy_v1("192.0.2.77"), "192.0.2.78": proxy_v2("192.0.2.78"),
                   "2001:db8::7": b"PROXY TCP6 2001:db8::7 2001:db8::25 40000 25\r\n"}
        with House(PROXY, "cordoning.period=1h") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            for client, header in headers.items():
                with self.subTest(client), Raw(gateway.port) as raw:
                    raw.send(header)
                    raw.reply()
                    self.assertEqual(b"250", deliver(raw, recipient=BAIT.encode())[-1])
                    self.assertIn(f"client={client} ", gateway.log())
            labels = {row["origin"] for row in gateway.rows("cordon", "list")}
            self.assertEqual(set(headers), labels)

    def test_the_header_may_come_in_pieces_and_with_more_behind_it(self):
        with House(PROXY, "cordoning.period=0s") as house:
            for header in (proxy_v1("192.0.2.77"), proxy_v2("192.0.2.77")):
                with Raw(house.gateway.port) as raw:
                    raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for octet in header:
                        raw.send(bytes([octet]))
                    self.assertEqual(b"220", raw.reply()[:3])
                with Raw(house.gateway.port) as raw:
                    raw.send(header + b"EHLO c.example\r\n")
                    self.assertEqual([b"220", b"250"], [raw.reply()[:3] for _ in range(2)])

    def test_it_comes_before_tls(self):
        with SecureHouse(PROXY, "listener.0.tls=implicit") as house:
            for header in (proxy_v1("192.0.2.77"), proxy_v2("192.0.2.77")):
                plain = socket.create_connection(("127.0.0.1", house.gateway.port), PATIENCE)
                plain.sendall(header)
                with without_verifying().wrap_socket(plain) as tls:
                    self.assertEqual(b"220", tls.recv(3))

    def test_a_proxy_may_speak_for_itself(self):
        local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"
        with House(PROXY, "cordoning.period=0s") as house:
            for header in (local, b"PROXY UNKNOWN\r\n"):
                with Raw(house.gateway.port) as raw:
                    raw.send(header)
                    raw.reply()
                    self.assertEqual(b"250", deliver(raw)[-1])
            eventually(lambda: len(house.sink.messages()) == 2, "both arrive")
            for _, _, content in house.sink.messages():
                self.assertIn(b"([127.0.0.1])", content)

    def test_without_a_good_header_there_is_no_session(self):
        bad = [b"EHLO c.example\r\n", b"PROXY TCP4 300.0.2.1 192.0.2.25 1 25\r\n",
               b"PROXY " + b"x" * 200, proxy_v2("192.0.2.1").replace(b"\x21", b"\x31", 1), b"\0" * 20]
        with House(PROXY, "limits.command_timeout=1s") as house:
            for wire in bad:
                with self.subTest(wire), Raw(house.gateway.port) as raw:
                    raw.send(wire)
                    self.assertEqual([], self.rest(raw))
            self.assertEqual(len(bad), house.gateway.log().count("session.bad_proxy_header"))
            with Raw(house.gateway.port) as raw:  # nor without any
                self.assertEqual([], raw.rest())
            eventually(lambda: "no PROXY header in time" in house.gateway.log(), "it is told")

    @staticmethod
    def rest(raw):
        try:
            return raw.rest()
        except ConnectionResetError:  # by a server that did not read all
            return []

    def test_nobody_else_is_believed(self):
        with House("listener.0.proxy_protocol=192.0.2.0/24", "cordoning.period=0s") as house:
            with Raw(house.gateway.port) as raw:
                self.assertEqual(b"220", raw.reply()[:3])
                raw.send(proxy_v1("192.0.2.77"))
                self.assertEqual(b"5", raw.reply()[:1])
            self.assertNotIn("192.0.2.77", house.gateway.log())

    def test_limits_are_those_of_the_client_behind(self):
        with House(PROXY, "limits.max_sessions_per_host=1") as house:
            def begin(client):
                raw = Raw(house.gateway.port)
                self.addCleanup(raw.__exit__)
                raw.send(proxy_v1(client))
                return raw

            first, second = begin("192.0.2.1"), begin("192.0.2.2")
            self.assertEqual([b"220", b"220"], [first.reply()[:3], second.reply()[:3]])
            self.assertEqual([b"421 4.3.2"], [reply[:9] for reply in begin("192.0.2.1").rest()])
            first.__exit__()
            eventually(lambda: begin("192.0.2.1").reply()[:3] == b"220", "the place is free again")


class Xclient(unittest.TestCase):
    def test_a_listed_peer_tells_who_its_client_is(self):
        with House(XCLIENT, "cordoning.period=0s") as house:
            with Raw(house.gateway.port) as raw:
                replies = raw.dialogue(b"EHLO relay.example",
                                       b"XCLIENT ADDR=192.0.2.77 NAME=worm.example HELO=worm",
                                       b"XCLIENT LOGIN=eve")
                self.assertEqual([b"220"] * 2, [reply[:3] for reply in replies[-2:]])
                self.assertEqual(b"250", deliver(raw)[-1])
            with Raw(house.gateway.port) as raw:
                replies = raw.dialogue(
                    b"EHLO relay.example",
                    b"XCLIENT ADDR=IPV6:2001:db8::7 HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]")
                self.assertEqual(b"220", replies[-1][:3])
                self.assertEqual(b"250", deliver(raw, helo=b"other.example")[-1])
            eventually(lambda: len(house.sink.messages()) == 2, "both arrive")
            traces = sorted(re.sub(r"\s+", " ", content.decode().partition(";")[0])
                            for _, _, content in house.sink.messages())
            self.assertTrue(traces[0].startswith(
                "Received: from other.example ([IPv6:2001:db8::7]) by gw.example with ESMTP id"))
            self.assertTrue(traces[1].startswith(
                "Received: from worm ([192.0.2.77]) by gw.example with ESMTPA id"))

    def test_a_cordon_is_that_of_the_client_and_not_of_the_relay(self):
        with House(XCLIENT, "cordoning.period=1h") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", BAIT)
            for told, recipient in (
                    (b"192.0.2.77", BAIT.encode()),
                    (b"192.0.2.78", b"bert@in.example"),
                    (b"[UNAVAILABLE]", b"bert@in.example"),  # whoever it is, the relay brings it
            ):
                with Raw(gateway.port) as raw:
                    raw.dialogue(b"EHLO relay.example", b"XCLIENT ADDR=" + told)
                    self.assertEqual(b"250", deliver(raw, recipient=recipient)[-1])
            self.assertEqual(["192.0.2.77"],
                             [row["origin"] for row in gateway.rows("cordon", "list")])

    def test_nobody_else_may(self):
        with House("listener.0.xclient=192.0.2.0/24") as house, Raw(house.gateway.port) as raw:
            replies = raw.dialogue(b"EHLO c.example", b"XCLIENT ADDR=192.0.2.77")
            self.assertEqual(b"5", replies[-1][:1])
            with house.gateway.client() as session:
                session.ehlo()
                self.assertNotIn("xclient", session.esmtp_features)


class Rates(unittest.TestCase):
    def answers(self, house, line, source="127.0.0.1"):
        """The replies to four lines in a session of that host."""
        with house.gateway.client(source) as session:
            session.ehlo()
            session.docmd("MAIL FROM:<anna@in.example>")
            return [(code, text[:5]) for code, text in (session.docmd(line) for _ in range(4))]

    def test_a_host_may_send_so_many_messages_in_a_minute(self):
        with House("limits.max_messages_per_minute=2") as house:
            codes = []
            for source in ("127.0.0.1", "127.0.0.9"):
                for _ in range(3):
                    with house.gateway.client(source) as session:
                        session.ehlo()
                        codes.append(session.docmd("MAIL FROM:<anna@in.example>"))
            self.assertEqual([250, 250, 450] * 2, [code for code, _ in codes])
            self.assertEqual(b"4.7.0", codes[2][1][:5])
            self.assert_told_once(house, "max_messages_per_minute", "127.0.0.1")

    def test_a_host_may_name_so_many_recipients_in_a_minute(self):
        with House("limits.max_recipients_per_minute=3") as house:
            answers = self.answers(house, "RCPT TO:<bert@in.example>")
            self.assertEqual([250, 250, 250, 452], [code for code, _ in answers])
            self.assertEqual(b"4.7.0", answers[3][1])
            self.assertEqual([452] * 4, [code for code, _ in self.answers(
                house, "RCPT TO:<bert@in.example>")])
            self.assert_told_once(house, "max_recipients_per_minute", "127.0.0.1")

    def test_a_bait_above_the_limit_is_a_bait_all_the_same_and_refused_as_any_address(self):
        with House("limits.max_recipients_per_minute=1") as house:
            house.gateway.ctl("bait", "add", BAIT)
            with house.gateway.client() as session:
                session.ehlo()
                session.mail("anna@in.example")
                session.rcpt("bert@in.example")
                self.assertEqual(session.rcpt("carl@in.example"), session.rcpt(BAIT))
            eventually(lambda: len(house.gateway.rows("alert", "list")) == 1, "the alert is stored")

    def test_a_host_may_connect_so_often_in_a_minute(self):
        with House("limits.max_connections_per_minute=3") as house:
            said = []
            for _ in range(5):
                with Raw(house.gateway.port) as raw:
                    said.append(raw.reply()[:9])
            self.assertEqual([b"220", b"220", b"220", b"421", b"421"], [one[:3] for one in said])
            self.assertEqual(b"421 4.7.0", said[-1])
            with Raw(house.gateway.port) as raw:
                self.assertEqual(1, len(raw.rest()))  # and closed
            self.assert_told_once(house, "max_connections_per_minute", "127.0.0.1")

    def test_a_host_may_make_so_many_errors_in_a_minute(self):
        with House("limits.max_errors_per_minute=5") as house:
            for errors in (4, 1):
                with Raw(house.gateway.port) as raw:
                    raw.dialogue(*[b"NONSENSE"] * errors, b"QUIT")
            eventually(lambda: house.gateway.log().count("session.ended") == 2, "both have ended")
            with Raw(house.gateway.port) as raw:
                self.assertEqual([b"421 4.7.0"], [reply[:9] for reply in raw.rest()])
            with house.gateway.client("127.0.0.9") as session:
                self.assertEqual(250, session.ehlo()[0])
            self.assert_told_once(house, "max_errors_per_minute", "127.0.0.1")

    def test_too_many_sessions_at_once_are_told_once(self):
        with House("limits.max_sessions_per_host=1") as house:
            with house.gateway.client():
                for _ in range(3):
                    with Raw(house.gateway.port) as raw:
                        self.assertEqual(b"421 4.3.2", raw.reply()[:9])
            self.assert_told_once(house, "max_sessions_per_host", "127.0.0.1")

    def assert_told_once(self, house, limit, host):
        told = [line for line in house.gateway.log().splitlines()
                if "limit.reached" in line and f"host={host} limit={limit}" in line]
        self.assertEqual(1, len(told), house.gateway.log())


class Manners(unittest.TestCase):
    def test_who_talks_before_the_greeting_is_noted_and_served(self):
        with House("limits.greeting_delay=1s", "cordoning.period=0s") as house:
            with Raw(house.gateway.port) as rude, Raw(house.gateway.port) as polite:
                rude.send(b"EHLO c.example\r\n")
                self.assertEqual([b"220", b"250"], [rude.reply()[:3] for _ in range(2)])
                polite.dialogue(b"EHLO c.example")
            self.assertEqual(1, house.gateway.log().count("session.talked_first"))

    def test_who_leaves_during_the_delay_harms_nothing(self):
        with House("limits.greeting_delay=1s", "cordoning.period=0s") as house:
            Raw(house.gateway.port).__exit__()
            with house.gateway.client() as session:
                self.assertEqual(250, session.noop()[0])
            waiting = socket.create_connection(("127.0.0.1", house.gateway.port))
            with waiting:
                eventually(lambda: house.gateway.log().count("session.began") == 3, "it is in")
                self.assertEqual(0, house.gateway.stop())
                self.assertRegex(waiting.makefile("rb").read(), rb"(^|\n)421 4\.3\.2 ")

    def test_another_protocol_is_cut_off_and_named(self):
        request = (b" /submit HTTP/1.1\r\nHost: gw\r\n\r\nEHLO c.example\r\n"
                   b"MAIL FROM:<eve@in.example>\r\n")
        openings = [("HTTP", verb + request) for verb in
                    (b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE",
                     b"PATCH", b"PRI", b"get")]
        openings += [("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500),
                     ("SSH", b"SSH-2.0-client\r\nEHLO c.example\r\n"),
                     ("no text", b"\0\x01\x02" + b"\0" * 500)]
        with House() as house:
            for protocol, opening in openings:
                with self.subTest(opening[:8]), Raw(house.gateway.port) as raw:
                    raw.send(opening)
                    self.assertEqual([b"220", b"421"], [reply[:3] for reply in raw.rest()])
            for protocol in ("HTTP", "TLS", "SSH", "no text"):
                count = [named for named, _ in openings].count(protocol)
                eventually(lambda: count == len(re.findall(
                    rf'session\.ended .* why="spoke {protocol}"', house.gateway.log())),
                    f"{protocol} is named each time")

    def test_a_client_that_does_not_take_its_replies_loses_its_slot(self):
        with House("limits.command_timeout=1s") as house:
            deaf = socket.socket()
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", house.gateway.port))
            deaf.setblocking(False)
            with deaf:
                def gone():
                    try:
                        while True:
                            deaf.send(b"EHLO c.example\r\n" * 500)
                    except BlockingIOError:
                        pass  # it reads no more: nor do we
                    except OSError:
                        pass
                    return "slow reader" in house.gateway.log()

                eventually(gone, "it is cut off")


if __name__ == "__main__":
    unittest.main()
