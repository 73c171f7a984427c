"""Real clients in front, a real Postfix behind: what arrives is what was sent, byte for byte, under
the one Received field that Cordon adds."""

import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from house import PATIENCE, Gateway, eventually, without_trace
from postfix import Postfix

HEAD = b"From: anna@in.example\r\nTo: bert@in.example\r\nSubject: %s\r\n\r\n"

# Whole messages, each ending in CRLF as SMTP has it. Three mebibytes are many pieces of a body.
CONTENTS = {
    "plain": b"Hello\r\n",
    "dots": b".\r\n..\r\n...\r\n.dot\r\n..dot\r\n in. the .middle\r\n.\r\n\r\n..\r\n",
    "dot-at-the-end": b"The next line is a dot\r\n.\r\n",
    "empty": b"",
    "blank-lines": b"\r\n\r\n\r\n",
    "eight-bit": "Grüße, Ωμέγα, 絵\r\n".encode() + bytes(range(0x80, 0x100)) + b"\r\n",
    "controls": b"tab\there \x01\x1b\x7f trailing \t \r\n",
    "line-998": b"x" * 998 + b"\r\n" + b"." + b"y" * 997 + b"\r\n",
    "line-5000": b"z" * 5000 + b"\r\nafter it\r\n",
    "from-line": b"From here on\r\n>From there\r\n",
    "three-mebibytes": b"".join(b".%07d 0123456789abcdefghijklmnopqrstuvwxyz\r\n" % n
                                for n in range(3 * 1024 * 1024 // 46)),
}


def whole(name):
    return HEAD % name.encode() + CONTENTS[name]


def is_eight_bit(content):
    return any(octet > 0x7f for octet in content)


class Peers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postfix = Postfix().start()
        cls.addClassCleanup(cls.postfix.stop)
        cls.folder = Path(tempfile.mkdtemp(prefix="cordon-peers-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.gateway = Gateway(cls.folder / "gateway", cls.postfix.port, ["cordoning.period=1s"])
        cls.gateway.start()
        cls.addClassCleanup(cls.gateway.stop)

    def file_of(self, content):
        path = self.folder / "content"
        path.write_bytes(content)
        return path

    # ---- three clients: each sends one content to a list of recipients

    def by_smtplib(self, sender, recipients, content):
        with self.gateway.client() as session:
            options = ["BODY=8BITMIME"] if is_eight_bit(content) else []
            self.assertEqual({}, session.sendmail(sender, recipients, content, options))

    def by_swaks(self, sender, recipients, content):
        content = content.removesuffix(b"\r\n")  # swaks always adds one
        self.run_client("swaks", "--server", "127.0.0.1", "--port", str(self.gateway.port),
                        "--helo", "client.example", "--from", sender or "<>",
                        "--to", ",".join(recipients), "--data", f"@{self.file_of(content)}")

    def by_curl(self, sender, recipients, content):
        words = ["curl", "--silent", "--show-error",
                 "--url", f"smtp://127.0.0.1:{self.gateway.port}/client.example",
                 "--mail-from", sender or "<>", "--upload-file", str(self.file_of(content))]
        for recipient in recipients:
            words += ["--mail-rcpt", recipient]
        self.run_client(*words)

    def run_client(self, *words):
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE)
        self.assertEqual(0, done.returncode, done.stdout[-2000:] + done.stderr[-2000:])

    # ---- what must arrive

    def arrived(self, recipient, count=1):
        """All copies for a recipient, once there are that many."""
        def enough():
            found = self.postfix.delivered().get(recipient, [])
            return found if len(found) >= count else None
        found = eventually(enough, f"{count} for {recipient} in Postfix's mailbox")
        self.assertEqual(count, len(found), "delivered more than once")
        return found

    def assert_same(self, content, message):
        sent, got = content, without_trace(message.content)
        if sent != got:  # not assertEqual: the difference of two megabytes is no help
            at = next((n for n, pair in enumerate(zip(sent, got)) if pair[0] != pair[1]),
                      min(len(sent), len(got)))
            self.fail(f"{len(sent)} octets sent, {len(got)} arrived, different from {at} on: "
                      f"{sent[at:at + 60]!r} became {got[at:at + 60]!r}")

    def check_every_content(self, client, send, names=tuple(CONTENTS)):
        for name in names:
            send("anna@in.example", [f"{client}.{name}@in.example"], whole(name))
        for name in names:
            with self.subTest(client=client, content=name):
                message, = self.arrived(f"{client}.{name}@in.example")
                self.assertEqual("anna@in.example", message.sender)
                self.assert_same(whole(name), message)

    def test_smtplib_every_content(self):
        self.check_every_content("smtplib", self.by_smtplib)

    def test_curl_every_content(self):
        self.check_every_content("curl", self.by_curl)

    def test_swaks_every_content(self):
        # A lone dot at the end of its file is the end of data to swaks, and not content; and a
        # header without a body gets an empty line more.
        self.check_every_content("swaks", self.by_swaks,
                                 [name for name in CONTENTS
                                  if name not in ("dot-at-the-end", "empty")])

    def test_without_a_final_line_end_the_client_adds_the_one_that_smtp_needs(self):
        content = HEAD % b"open end" + b"the last line"
        for client, send in self.clients():
            send("anna@in.example", [f"{client}.open-end@in.example"], content)
        for client, _ in self.clients():
            with self.subTest(client=client):
                message, = self.arrived(f"{client}.open-end@in.example")
                self.assert_same(content + b"\r\n", message)

    def clients(self):
        return (("smtplib", self.by_smtplib), ("curl", self.by_curl), ("swaks", self.by_swaks))

    # ---- the envelope

    def test_each_of_120_recipients_gets_it_once_and_bytes_and_sender_are_kept(self):
        content = whole("dots")
        for client, send in self.clients():
            recipients = [f"{client}.many{n}@{d}.example" for n in range(60) for d in ("in", "out")]
            send(f"{client}@out.example", recipients, content)
        for client, _ in self.clients():
            for n in range(60):
                for domain in ("in", "out"):
                    message, = self.arrived(f"{client}.many{n}@{domain}.example")
                    self.assertEqual(f"{client}@out.example", message.sender)
                    self.assert_same(content, message)

    def test_the_null_sender_arrives_as_the_null_sender(self):
        for client, send in self.clients():
            send("", [f"{client}.null@in.example"], whole("plain"))
        for client, _ in self.clients():
            with self.subTest(client=client):
                message, = self.arrived(f"{client}.null@in.example")
                self.assertEqual("", message.sender)

    def test_a_quoted_local_part_keeps_its_meaning(self):
        self.by_smtplib('"anna maria"@in.example', ['"bert.o"@in.example'], whole("plain"))
        # Postfix writes the simplest spelling of the same mailbox.
        message, = self.arrived("bert.o@in.example")
        self.assertEqual('"anna maria"@in.example', message.sender)

    def test_the_received_field_names_client_helo_protocol_and_the_one_recipient(self):
        self.by_smtplib("anna@in.example", ["field@in.example"], whole("plain"))
        message, = self.arrived("field@in.example")
        field = message.content[:-len(whole("plain"))].decode()
        self.assertRegex(field, r"^Received: from client\.example \(\[127\.0\.0\.1\]\)")
        self.assertRegex(field, r"\sby gw\.example\s.*with ESMTP\s")
        self.assertIn("<field@in.example>", field)
        self.assertTrue(all(len(line) <= 78 for line in field.split("\r\n")), field)

    def test_recipients_do_not_learn_of_each_other(self):
        self.by_smtplib("anna@in.example", ["one@in.example", "two@in.example"], whole("plain"))
        message, = self.arrived("one@in.example")
        self.assertNotIn(b"two@in.example", message.content)

    # ---- the session

    def test_one_connection_carries_many_messages(self):
        names = [f"series{n}" for n in range(40)]
        with self.gateway.client() as session:
            for name in names:
                session.sendmail("anna@in.example", [f"{name}@in.example"], HEAD % name.encode())
        for name in names:
            message, = self.arrived(f"{name}@in.example")
            self.assert_same(HEAD % name.encode(), message)

    def test_a_whole_session_in_one_write(self):
        messages = {f"pipe{n}@in.example": HEAD % b"pipelined %d" % n + b"..\r\n" for n in range(5)}
        wire = b"EHLO client.example\r\n"
        for recipient, content in messages.items():
            wire += (b"MAIL FROM:<anna@in.example>\r\nRCPT TO:<%s>\r\nDATA\r\n%s.\r\n"
                     % (recipient.encode(), content.replace(b"\r\n.", b"\r\n..")))
        with socket.create_connection(("127.0.0.1", self.gateway.port), PATIENCE) as raw:
            raw.sendall(wire + b"QUIT\r\n")
            replies = raw.makefile("rb").read().splitlines()
        codes = [line[:3] for line in replies if line[3:4] == b" "]
        self.assertEqual([b"220", b"250"] + [b"250", b"250", b"354", b"250"] * 5 + [b"221"], codes)
        for recipient, content in messages.items():
            message, = self.arrived(recipient)
            self.assert_same(content, message)

    def test_a_session_a_byte_at_a_time(self):
        content = HEAD % b"slowly" + b"..\r\n.x\r\n"
        wire = (b"EHLO client.example\r\nMAIL FROM:<anna@in.example>\r\nRCPT TO:<slowly@in.example>"
                b"\r\nDATA\r\n" + content.replace(b"\r\n.", b"\r\n..") + b".\r\nQUIT\r\n")
        with socket.create_connection(("127.0.0.1", self.gateway.port), PATIENCE) as raw:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in wire:
                raw.sendall(bytes([octet]))
            self.assertIn(b"\r\n221 ", raw.makefile("rb").read())
        message, = self.arrived("slowly@in.example")
        self.assert_same(content, message)

    def test_a_client_that_leaves_in_the_middle_of_data_leaves_nothing(self):
        with socket.create_connection(("127.0.0.1", self.gateway.port), PATIENCE) as raw:
            raw.sendall(b"EHLO c.example\r\nMAIL FROM:<anna@in.example>\r\n"
                        b"RCPT TO:<half@in.example>\r\nDATA\r\n"
                        + whole("three-mebibytes")[:200_000])
        # A later message by the same way has arrived: so would the half one have.
        self.by_smtplib("anna@in.example", ["after-half@in.example"], whole("plain"))
        self.arrived("after-half@in.example")
        self.assertNotIn("half@in.example", self.postfix.delivered())


if __name__ == "__main__":
    unittest.main()
