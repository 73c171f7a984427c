"""Beside delivery: limits on clients, smuggling, clean stop and start, reload, errors at start."""

import re
import signal
import smtplib
import socket
import time
import unittest
from pathlib import Path

from house import PATIENCE, Gateway, House, Process, eventually, free_port, message, without_trace
from upstream import SILENCE, Upstream


class Raw:
    """A client that sends any bytes; replies are read whole."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.replies = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.replies.close()
        self.socket.close()

    def send(self, wire):
        self.socket.sendall(wire)

    def reply(self):
        """The last line of the next reply; empty at the end of the connection."""
        while (line := self.replies.readline())[3:4] == b"-":
            pass
        return line

    def rest(self):
        """The last lines of all replies until the connection ends."""
        return list(iter(self.reply, b""))

    def dialogue(self, *commands):
        """The reply to each command, sent one after the other; the greeting first."""
        replies = [self.reply()]
        for command in commands:
            self.send(command + b"\r\n")
            replies.append(self.reply())
        return replies


class Limits(unittest.TestCase):
    def test_a_host_gets_no_more_sessions_than_its_share(self):
        with House("limits.max_sessions_per_host=3") as house:
            held = [house.gateway.client() for _ in range(3)]
            with Raw(house.gateway.port) as fourth:
                replies = fourth.rest()
            self.assertEqual(1, len(replies))
            self.assertTrue(replies[0].startswith(b"421 4.3.2 gw.example "), replies)
            house.gateway.client("127.0.0.9").quit()  # another host is not concerned
            self.assertEqual([250] * 3, [session.noop()[0] for session in held])
            held.pop().quit()
            eventually(lambda: self.welcome(house.gateway.port), "a place is free again")
            for session in held:
                session.quit()

    @staticmethod
    def welcome(port):
        with Raw(port) as raw:
            return raw.reply().startswith(b"220")

    def test_all_hosts_together_get_no_more_sessions_than_there_are(self):
        with House("limits.max_sessions=2", "limits.max_sessions_per_host=2") as house:
            held = [house.gateway.client(f"127.0.0.{n}") for n in (2, 3)]
            with self.assertRaises(smtplib.SMTPConnectError) as refused:
                house.gateway.client("127.0.0.4")
            self.assertEqual(421, refused.exception.smtp_code)
            for session in held:
                session.quit()

    def test_errors_end_the_session(self):
        with House("limits.max_errors=3") as house, Raw(house.gateway.port) as raw:
            replies = raw.dialogue(b"EHLO c.example", b"BOGUS", b"RCPT TO:<a@in.example>")
            self.assertEqual([b"220", b"250", b"500", b"503"], [r[:3] for r in replies])
            raw.send(b"MAIL FROM:<>x<>\r\nBOGUS\r\nNOOP\r\nNOOP\r\n")
            replies = raw.rest()
            self.assertEqual([b"501", b"421"], [r[:3] for r in replies])
            self.assertTrue(replies[-1].startswith(b"421 4.7.0 gw.example "), replies)
            with Raw(house.gateway.port) as again:
                again.send(b"BOGUS\r\n" * 4)
                self.assertEqual(b"421", again.rest()[-1][:3])
            told = "limit.reached host=127.0.0.1 limit=max_errors"
            eventually(lambda: told in house.gateway.log(), "the operator is told")
            eventually(lambda: house.gateway.log().count("session.ended") == 2, "both ended")
            self.assertEqual(1, house.gateway.log().count(told))  # once a minute

    def test_a_line_without_end_costs_one_reply_and_no_memory(self):
        with House() as house, Raw(house.gateway.port) as raw:
            raw.reply()
            before = self.peak_memory(house.gateway)
            for _ in range(500):
                raw.send(b"\xff\x00garbage" * 7_000)
            house.gateway.client().quit()  # nobody else is concerned
            raw.send(b"\r\nQUIT\r\n")
            self.assertEqual([b"500", b"221"], [reply[:3] for reply in raw.rest()])
            self.assertLess(self.peak_memory(house.gateway) - before, 8_000)  # of 31,500 kB sent

    @staticmethod
    def peak_memory(gateway):
        """In kB."""
        status = Path(f"/proc/{gateway.process.child.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])

    def test_idle_sessions_are_told_and_closed(self):
        begin = b"EHLO c.example\r\nMAIL FROM:<a@in.example>\r\nRCPT TO:<b@in.example>\r\n"
        places = {"before a command": b"", "inside a command": b"EHL", "in a transaction": begin,
                  "inside content": begin + b"DATA\r\nSubject: never\r\n"}
        with House("cordoning.period=0s", "limits.command_timeout=1s") as house:
            open_ones = {place: Raw(house.gateway.port) for place in places}
            for place, raw in open_ones.items():
                raw.send(places[place])
            for place, raw in open_ones.items():
                with self.subTest(place), raw:
                    self.assertTrue(raw.rest()[-1].startswith(b"421 4.4.2 "))
            house.gateway.send("anna@in.example", ["bert@in.example"], message("after"))
            eventually(house.sink.messages, "a good one arrives")
            self.assertEqual(1, len(house.sink.messages()))

    def test_a_busy_session_ends_all_the_same(self):
        with House("limits.session_timeout=1s") as house, Raw(house.gateway.port) as raw:
            raw.dialogue(b"EHLO c.example")
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                try:
                    raw.send(b"MAIL FROM:<a@in.example>\r\nRSET\r\n")
                    reply = raw.reply()
                except OSError:
                    reply = b""
                if reply[:3] in (b"421", b""):
                    return
                time.sleep(0.05)
            self.fail("the session goes on")


class Smuggling(unittest.TestCase):
    # Not CRLF.CRLF: none of them may end the content (RFC 5321 4.1.1.4).
    ENDS = {"LF.LF": b"\n.\n", "CR.CR": b"\r.\r", "CRLF.LF": b"\r\n.\n", "LF.CRLF": b"\n.\r\n",
            "CRLF.CR": b"\r\n.\r", "CR.CRLF": b"\r.\r\n", "LFLF.CRLF": b"\n\n.\r\n",
            "CRLF NUL.CRLF": b"\r\n\x00.\r\n", "CRLF.NUL CRLF": b"\r\n.\x00\r\n",
            "CRLF.CRCRLF": b"\r\n.\r\r\n", "CRLF.CR NUL LF": b"\r\n.\r\x00\n",
            "CR NUL LF.CRLF": b"\r\x00\n.\r\n", "LFCR.LFCR": b"\n\r.\n\r"}

    def wire(self, end):
        return (b"EHLO c.example\r\nMAIL FROM:<anna@in.example>\r\nRCPT TO:<open@in.example>\r\n"
                b"DATA\r\nSubject: outer\r\n\r\ntext" + end +
                b"MAIL FROM:<anna@in.example>\r\nRCPT TO:<smuggled@in.example>\r\n"
                b"DATA\r\nSubject: inner\r\n\r\ntext\r\n.\r\nQUIT\r\n")

    def test_what_only_looks_like_the_end_of_data_never_makes_two_messages(self):
        with House("cordoning.period=0s") as house:
            for name, end in self.ENDS.items():
                with self.subTest(end=name), Raw(house.gateway.port) as raw:
                    raw.send(self.wire(end))
                    codes = [reply[:3] for reply in raw.rest()]
                    # Greeting, EHLO, MAIL, RCPT, DATA, one answer to all the content, QUIT.
                    self.assertEqual([b"220", b"250", b"250", b"250", b"354"], codes[:5])
                    self.assertEqual(b"221", codes[6])
                    self.assertEqual(7, len(codes), codes)
                    self.assertEqual(b"550", codes[5])
            house.gateway.send("anna@in.example", ["after@in.example"], message("after"))
            eventually(lambda: "after@in.example" in house.sink.recipients(), "a good one arrives")
            self.assertEqual(["after@in.example"], house.sink.recipients())

    def test_what_content_may_not_hold_is_refused_by_name(self):
        faults = {b"NUL in message data": b"a\x00b", b"bare CR in message data": b"a\rb",
                  b"bare LF in message data": b"a\nb"}
        with House("cordoning.period=0s") as house:
            for words, text in faults.items():
                with self.subTest(words), Raw(house.gateway.port) as raw:
                    raw.dialogue(b"EHLO c.example", b"MAIL FROM:<anna@in.example>",
                                 b"RCPT TO:<open@in.example>", b"DATA")
                    raw.send(b"Subject: x\r\n\r\n" + text + b"\r\n.\r\n")
                    self.assertEqual(b"550 5.6.0 " + words + b"\r\n", raw.reply())
            house.gateway.send("anna@in.example", ["after@in.example"], message("after"))
            eventually(lambda: "after@in.example" in house.sink.recipients(), "a good one arrives")
            self.assertEqual(["after@in.example"], house.sink.recipients())

    def test_a_bare_lf_ends_no_command(self):
        with House("cordoning.period=0s") as house, Raw(house.gateway.port) as raw:
            raw.dialogue(b"EHLO c.example")
            raw.send(b"MAIL FROM:<anna@in.example>\nRCPT TO:<smuggled@in.example>\r\n"
                     b"MAIL FROM:<anna@in.example>\r\nRCPT TO:<bert@in.example>\r\n"
                     b"DATA\nRSET\r\nDATA\rRSET\r\nQUIT\n\r\nQUIT\r\n")
            self.assertEqual([b"500", b"250", b"250", b"500", b"500", b"500", b"221"],
                             [reply[:3] for reply in raw.rest()])

    def test_a_dot_that_is_content_stays_content_on_both_sides(self):
        upstream = Upstream()
        self.addCleanup(upstream.stop)
        content = b"Subject: dots\r\n\r\n.\r\nMAIL FROM:<a@in.example>\r\n..\r\n.\r\n"
        with House("cordoning.period=0s", f"route.smarthost.port={upstream.port}") as house:
            house.gateway.send("anna@in.example", ["bert@in.example"], content)
            eventually(lambda: upstream.messages, "it arrives")
            self.assertEqual([content], [without_trace(m[3]) for m in upstream.messages])


class StopAndStart(unittest.TestCase):
    def test_a_clean_stop_ends_sessions_at_a_command_and_loses_nothing(self):
        with House("cordoning.period=2s") as house:
            gateway = house.gateway
            gateway.send("anna@in.example", ["held@in.example"], message("held"))
            idle, writing = Raw(gateway.port), Raw(gateway.port)
            with idle, writing:
                idle.dialogue(b"EHLO c.example", b"MAIL FROM:<anna@in.example>")
                replies = writing.dialogue(b"EHLO c.example", b"MAIL FROM:<anna@in.example>",
                                           b"RCPT TO:<writing@in.example>", b"DATA")
                self.assertEqual(b"354", replies[-1][:3])
                content = message("writing", "half\r\n")
                writing.send(content)
                gateway.process.child.send_signal(signal.SIGTERM)
                farewell = idle.rest()
                self.assertEqual(1, len(farewell), farewell)
                self.assertTrue(farewell[0].startswith(b"421 4.3.2 "), farewell)
                self.assertTrue(gateway.process.alive())
                writing.send(b"other half\r\n.\r\n")
                end = writing.rest()
                self.assertEqual([b"250", b"421"], [reply[:3] for reply in end])
            self.assertEqual(0, gateway.stop())

            gateway.start()
            eventually(lambda: len(house.sink.messages()) == 2, "both are committed")
            self.assertEqual(["held@in.example", "writing@in.example"], house.sink.recipients())
            by_recipient = {to: content for _, (to,), content in house.sink.messages()}
            self.assertEqual(content + b"other half\r\n",
                             without_trace(by_recipient["writing@in.example"]))

    def test_a_message_in_delivery_when_the_gateway_is_killed_is_delivered_after_all(self):
        upstream = Upstream(dot=[SILENCE])
        self.addCleanup(upstream.stop)
        with House("cordoning.period=0s", f"route.smarthost.port={upstream.port}") as house:
            house.gateway.send("anna@in.example", ["bert@in.example"], message("in flight"))
            eventually(lambda: upstream.script["dot"] == [], "the final dot is sent")
            house.gateway.kill()
            house.gateway.start()
            eventually(lambda: upstream.messages, "it is tried again")
            self.assertEqual(message("in flight"), without_trace(upstream.messages[0][3]))

    def test_a_stop_does_not_wait_for_an_upstream_that_is_not_there(self):
        with House("cordoning.period=0s", f"route.smarthost.port={free_port()}") as house:
            house.gateway.send("anna@in.example", ["bert@in.example"], message("stays"))
            eventually(lambda: "outcome=deferred" in house.gateway.log(), "a first try")
            began = time.monotonic()
            self.assertEqual(0, house.gateway.stop())
            self.assertLess(time.monotonic() - began, 10)

    def test_a_second_gateway_on_the_same_state_is_refused_and_harms_nothing(self):
        with House("cordoning.period=2s") as house:
            house.gateway.send("anna@in.example", ["bert@in.example"], message("safe"))
            second = Process(house.gateway.args([f"listener.0.address=127.0.0.1:{free_port()}"]),
                             house.folder / "second.log")
            eventually(lambda: not second.alive(), "the second gives up")
            self.assertEqual(1, second.stop())
            text = second.log_path.read_text()
            self.assertIn(f"{house.gateway.folder}/state", text)
            self.assertRegex(text, "(?i)in use|another process")
            eventually(house.sink.messages, "the first goes on")

    def test_a_port_in_use_is_a_clear_error(self):
        with House() as house:
            other = Gateway(house.folder / "other", house.sink.port)
            second = Process(other.args([f"listener.0.address=127.0.0.1:{house.gateway.port}"]),
                             house.folder / "second.log")
            eventually(lambda: not second.alive(), "the second gives up")
            self.assertEqual(1, second.stop())
            self.assertIn(f"cannot listen on 127.0.0.1:{house.gateway.port}",
                          second.log_path.read_text())


class Record(unittest.TestCase):
    """What a session of a cordoned origin says is on record (BESIDES 3.2)."""

    INTRUDER = "127.0.0.66"
    BAIT = "bait@in.example"

    def session(self, gateway):
        session = gateway.client(self.INTRUDER)
        self.addCleanup(session.close)
        session.ehlo("mailer.example")
        return session

    def record(self, gateway):
        """{session: [what it said]} of the one cordon; written out once a second."""
        cordon = gateway.rows("cordon", "list")[0]["cordon_id"]
        said = {}
        for row in gateway.rows("cordon", "show", cordon):
            if row.get("speaker") == "client":
                said.setdefault(row["session"], []).append(row["text"])
        return said

    def lines(self, gateway, last):
        """What the session said that said `last`."""
        def found():
            return next((said for said in self.record(gateway).values() if last in said), None)
        return eventually(found, f"{last} is on record")

    def test_a_session_that_was_open_before_the_cordon_is_recorded_from_its_next_mail_on(self):
        with House("cordoning.period=1h") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", self.BAIT)
            early = self.session(gateway)
            gateway.send("anna@in.example", [self.BAIT], message("caught"), self.INTRUDER)
            early.sendmail("eve@in.example", ["bert@in.example"], message("also"))
            early.docmd("NOOP", "last")
            said = self.lines(gateway, "NOOP last")
            self.assertEqual("EHLO mailer.example", said[0])
            self.assertEqual("MAIL FROM:<eve@in.example>", said[1])
            self.assertEqual("rcpt TO:<bert@in.example>", said[2])

    def test_a_bait_as_sender_leaves_the_ehlo_on_record_and_is_masked_itself(self):
        with House("cordoning.period=1h") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", self.BAIT)
            session = self.session(gateway)
            session.mail(self.BAIT)
            session.rset()
            session.mail(self.BAIT)
            session.docmd("NOOP", "last")
            said = self.lines(gateway, "NOOP last")
            masked = f"MAIL FROM:<[bait {gateway.rows('bait', 'list')[0]['bait_id']}]>"
            self.assertEqual(["EHLO mailer.example", masked, "rset", masked, "NOOP last"], said)

    def test_a_session_is_recorded_no_longer_once_its_cordon_is_lifted(self):
        with House("cordoning.period=1h") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", self.BAIT)
            session = self.session(gateway)
            session.sendmail("anna@in.example", [self.BAIT], message("caught"))
            gateway.ctl("cordon", "lift", gateway.rows("cordon", "list")[0]["cordon_id"], "--yes")
            session.sendmail("private@in.example", ["bert@in.example"], message("after"))
            session.quit()
            self.assertEqual(0, gateway.stop())  # all is written out
            gateway.start()
            cordon = gateway.rows("cordon", "list", "--lifted")[0]["cordon_id"]
            record = gateway.ctl("cordon", "show", cordon)
            self.assertIn("RCPT TO:<[bait", record)
            self.assertNotIn("private@in.example", record)


class Alerts(unittest.TestCase):
    def test_operators_hear_of_every_alert_of_a_transaction_when_it_ends(self):
        baits = ["one@in.example", "two@in.example"]
        with House("cordoning.period=1h", "origin.0.network=127.0.0.66/32",
                   "origin.0.shared=true") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", *baits)
            gateway.send("anna@in.example", baits, message("caught"), "127.0.0.66")
            self.assertEqual(2, len(gateway.rows("alert", "list")))
            # Those of a transaction that goes on are told after 60 s.
            eventually(lambda: house.sink.recipients() == ["operator@in.example"] * 2,
                       "both are told", min(PATIENCE, 45))


class FileGateway(Gateway):
    """With a settings file; what --set gives stays above it."""

    def write(self, text):
        (self.folder / "cordond.toml").write_text(text)

    def args(self, extra=()):
        return [*super().args(extra), "--config", self.folder / "cordond.toml"]

    def reload(self, text, event):
        self.write(text)
        seen = self.log().count(event)
        self.process.child.send_signal(signal.SIGHUP)
        eventually(lambda: self.log().count(event) > seen, f"{event} is logged")


class Reload(unittest.TestCase):
    def test_what_can_change_live_does_and_a_bad_file_leaves_the_old_in_force(self):
        with House(start=False) as house:
            gateway = FileGateway(house.gateway.folder, house.sink.port)
            house.gateway = gateway
            gateway.write('[cordoning]\nperiod = "1h"\n')
            gateway.start()
            gateway.send("anna@in.example", ["slow@in.example"], message("slow"))
            gateway.reload('[cordoning]\nperiod = "0s"\n', "settings.reloaded")
            gateway.send("anna@in.example", ["quick@in.example"], message("quick"))
            eventually(house.sink.messages, "the new period is in force")

            gateway.reload('[cordoning]\nperiod = "1h"\nperoid = 7\n', "settings.refused")
            self.assertRegex(gateway.log(), r"settings\.refused.*cordond\.toml:3.*peroid")
            gateway.send("anna@in.example", ["third@in.example"], message("third"))
            eventually(lambda: len(house.sink.messages()) == 2, "no other period is in force")
            # What was held under the old period keeps it.
            self.assertEqual(["quick@in.example", "third@in.example"], house.sink.recipients())

    def test_a_mended_route_mends_what_waits(self):
        with House(start=False) as house:
            gateway = FileGateway(house.gateway.folder, free_port(),
                                  ["cordoning.period=0s", "delivery.first_retry=1s"])
            gateway.settings = [s for s in gateway.settings if not s.startswith("route.")]
            house.gateway = gateway
            gateway.write(f"[route.smarthost]\nport = {free_port()}\n")
            gateway.start()
            gateway.send("anna@in.example", ["bert@in.example"], message("waits"))
            eventually(lambda: "outcome=deferred" in gateway.log(), "a first try fails")
            gateway.reload(f"[route.smarthost]\nport = {house.sink.port}\n", "settings.reloaded")
            eventually(house.sink.messages, "the next try takes the new route")

    def test_a_listener_keeps_its_own_mode_when_the_order_of_listeners_changes(self):
        with House(start=False) as house:
            gateway = FileGateway(house.gateway.folder, house.sink.port, ["cordoning.period=1h"])
            gateway.settings = [s for s in gateway.settings if not s.startswith("listener.")]
            house.gateway = gateway
            strict = (f'[[listener]]\nname = "strict"\naddress = "127.0.0.1:{gateway.port}"\n'
                      'mode = "enforce"\n')
            trial = (f'[[listener]]\nname = "trial"\naddress = "127.0.0.1:{free_port()}"\n'
                     'mode = "observe"\n')
            gateway.write(strict + trial)
            gateway.start()
            gateway.ctl("bait", "add", "bait@in.example")
            gateway.reload(trial + strict, "settings.reloaded")
            gateway.send("anna@in.example", ["bait@in.example"], message("caught"), "127.0.0.66")
            gateway.reload(trial, "settings.reloaded")  # no longer in the file, but still bound
            gateway.send("anna@in.example", ["bait@in.example"], message("caught"), "127.0.0.67")
            self.assertEqual([("cordon", "strict")] * 2, [(row["response"], row["listener"])
                                                          for row in gateway.rows("alert", "list")])

    def test_what_needs_a_restart_is_named(self):
        with House(start=False) as house:
            house.gateway = gateway = FileGateway(house.gateway.folder, house.sink.port)
            gateway.write("")
            gateway.start()
            gateway.reload("threads = 3\n", "settings.reloaded")
            self.assertRegex(gateway.log(), r"settings\.need_restart key=threads")


if __name__ == "__main__":
    unittest.main()
