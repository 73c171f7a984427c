"""Content in chunks (BDAT, RFC 3030), end to end: taken in chunks, sent on by DATA, octet for octet."""

import random
import unittest

from house import House, eventually, message, without_trace
from test_sessions import Raw

BEGIN = (b"EHLO c.example", b"MAIL FROM:<anna@in.example>", b"RCPT TO:<bert@in.example>")


def in_chunks(content, sizes):
    """The wire of `content` in chunks of `sizes` in turn, and then one with the rest."""
    wire = b""
    for size in sizes:
        wire += b"BDAT %d\r\n" % len(content[:size]) + content[:size]
        content = content[size:]
    return wire + b"BDAT %d LAST\r\n" % len(content) + content


class Chunks(unittest.TestCase):
    CONTENTS = {
        "plain": b"Subject: plain\r\n\r\nHello\r\n",
        "dots": b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nMAIL FROM:<a@in.example>\r\n.\r\n",
        "no final newline": b"Subject: open\r\n\r\nno end",
        "dot without newline": b"Subject: dot\r\n\r\n.",
        "empty body": b"Subject: empty\r\n\r\n",
        "header alone": b"Subject: header alone",
        "nothing": b"",
        "eight bits": b"Subject: bits\r\n\r\n" + bytes(set(range(1, 256)) - {10, 13}) + b"\r\n",
        "998 octets": b"Subject: line\r\n\r\n" + b"x" * 998 + b"\r\n",
        "long line": b"Subject: long\r\n\r\n" + b"y" * 200_000 + b"\r\n",
        "large": b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 200_000,
    }

    def test_every_content_arrives_as_it_was_sent(self):
        draw = random.Random(3030)
        with House("cordoning.period=0s") as house:
            for number, (name, content) in enumerate(self.CONTENTS.items(), 1):
                sizes = [draw.randrange(0, max(2, len(content) // 2)) for _ in range(3)]
                with self.subTest(name, sizes=sizes), Raw(house.gateway.port) as raw:
                    raw.dialogue(*BEGIN)
                    raw.send(in_chunks(content, sizes) + b"QUIT\r\n")
                    replies = raw.rest()
                    self.assertEqual([b"250"] * 4 + [b"221"], [reply[:3] for reply in replies])
                    self.assertIn(b"octets received", replies[2])
                    self.assertIn(b"queued as", replies[3])
                    eventually(lambda: len(house.sink.messages()) == number, "it arrives")
                    # DATA cannot carry a last line without its end (RFC 5321 4.1.1.4).
                    ending = b"" if content.endswith(b"\r\n") or not content else b"\r\n"
                    arrived = [without_trace(sent) for _, _, sent in house.sink.messages()]
                    self.assertEqual(1, arrived.count(content + ending))

    def test_what_is_not_ended_by_last_never_becomes_a_message(self):
        begun = b"BDAT 20\r\nSubject: begun\r\n\r\nab"
        with House("cordoning.period=0s") as house:
            for how in (b"RSET\r\n", b"EHLO c.example\r\n", b"QUIT\r\n", b"BDAT 9\r\nlost", b"BDA", b""):
                with self.subTest(how), Raw(house.gateway.port) as raw:
                    raw.dialogue(*BEGIN)
                    raw.send(begun)
                    self.assertEqual(b"250 2.0.0 20 octets received\r\n", raw.reply())
                    raw.send(how)
            house.gateway.send("anna@in.example", ["bert@in.example"], message("after"))
            eventually(house.sink.messages, "a good one arrives")
            self.assertEqual(1, len(house.sink.messages()))
            self.assertEqual(1, house.gateway.log().count("message.accepted"))

    def test_no_sequence_of_octets_makes_two_messages_out_of_one(self):
        inner = (b"MAIL FROM:<anna@in.example>\r\nRCPT TO:<smuggled@in.example>\r\n"
                 b"DATA\r\nSubject: inner\r\n\r\ntext\r\n.\r\n")
        ends = (b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n", b"\r\n.\r", b"\r.\r\n",
                b"\r\n\x00.\r\n", b"\r\n.\r\r\n", b"\r\nBDAT 0 LAST\r\n", b"\nBDAT 0 LAST\n")
        with House("cordoning.period=0s") as house:
            accepted = 0
            for end in ends:
                outer = b"Subject: outer\r\n\r\ntext" + end
                for sizes in ([], [len(outer)], [len(outer) - 1], [len(outer) - 2, 1]):
                    with self.subTest(end=end, sizes=sizes), Raw(house.gateway.port) as raw:
                        raw.dialogue(*BEGIN)
                        raw.send(in_chunks(outer + inner, sizes) + b"QUIT\r\n")
                        codes = [reply[:3] for reply in raw.rest()]
                        self.assertEqual(len(sizes) + 2, len(codes), codes)
                        self.assertEqual(b"221", codes[-1])
                        legal = end in (b"\r\n.\r\n", b"\r\nBDAT 0 LAST\r\n")
                        self.assertEqual(legal, codes[-2] == b"250", codes)
                        accepted += legal
            eventually(lambda: len(house.sink.messages()) == accepted, "all have arrived")
            self.assertEqual({"bert@in.example"}, set(house.sink.recipients()))

    def test_a_bare_lf_ends_no_command(self):
        with House("cordoning.period=0s") as house, Raw(house.gateway.port) as raw:
            raw.dialogue(*BEGIN)
            raw.send(b"RCPT TO:<x@in.example>\nRCPT TO:<smuggled@in.example>\r\n"
                     b"BDAT 4 LAST\nRSET\r\nQUIT\r\n")
            replies = raw.rest()
        # What follows a BDAT that cannot be read may be its chunk: that is the end.
        self.assertEqual([b"500 5.5.2 bare LF in command line\r\n",
                          b"421 4.5.4 gw.example Syntax: BDAT size [LAST]\r\n"], replies)


if __name__ == "__main__":
    unittest.main()
