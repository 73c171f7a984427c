"""The pages that say what is shown where: every test that they name is there, and no row claims to
be shown by nothing. And what no other test shows."""

import re
import unittest
from pathlib import Path

from house import House, eventually, message, without_trace
from upstream import Upstream

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
LEVELS = {"MUST", "SHOULD", "MAY"}
NOT_SHOWN = "not shown by a test"


def rows(page):
    """[(number of the line, its cells)] of the tables that have a last column "shown by"."""
    found, head = [], None
    for number, line in enumerate((ROOT / "docs" / page).read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            head = None
        elif head is None:
            head = cells
        elif head[-1] == "shown by" and not re.fullmatch(r"[| :-]+", line):
            found.append((number, cells))
    return found


def test_cases(stem):
    """Names of the cases of tests/*/STEM.cpp; None if there is no such file."""
    files = list(TESTS.glob(f"*/{stem}.cpp"))
    if not files:
        return None
    text = "".join(file.read_text() for file in files)
    names = re.findall(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', text)
    return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', name)) for name in names]


def methods(stem):
    """Names of the test methods of tests/integration/STEM.py, without test_."""
    file = TESTS / "integration" / f"{stem}.py"
    return re.findall(r"def test_(\w+)\(", file.read_text()) if file.exists() else None


def trouble_with(name):
    """What is wrong with the name of a test as the pages write it; empty if it names one."""
    stem, _, beginning = name.partition(": ")
    if not beginning:
        dialogue = TESTS / "smtp/dialogues" / f"{name}.txt"
        there = dialogue.exists() or list(TESTS.glob(f"*/{name}.*"))
        return "" if there else f"no file {name}"
    known = methods(stem) if stem.startswith("test_") else test_cases(stem)
    if known is None:
        return f"no file {stem}"
    fitting = [one for one in known if one.startswith(beginning)]
    return "" if len(fitting) == 1 else f"{len(fitting)} tests of {stem} begin with {beginning!r}"


class Pages(unittest.TestCase):
    def test_every_test_that_is_named_is_there(self):
        for page in ("conformance.md", "peers.md"):
            for number, cells in rows(page):
                for name in re.findall(r"`([^`]+)`", cells[-1]):
                    with self.subTest(page=page, line=number):
                        self.assertEqual("", trouble_with(name))

    def test_every_row_says_where_it_is_shown_or_that_it_is_not(self):
        for number, cells in rows("conformance.md"):
            with self.subTest(line=number):
                self.assertEqual(4, len(cells))
                clause, level, done, shown = cells
                self.assertTrue(clause and done)
                self.assertIn(level, LEVELS)
                self.assertRegex(shown, rf"^(`[^`]+`(; `[^`]+`)*|{NOT_SHOWN}|-)$")
                if shown == "-":
                    self.assertRegex(done, r"^(Not done|Does not concern)")

    def test_the_pages_have_rows(self):
        self.assertGreater(len(rows("conformance.md")), 150)
        self.assertGreater(len(rows("peers.md")), 5)


class Envelopes(unittest.TestCase):
    def test_internationalized_mail_goes_on_as_it_came(self):
        """RFC 6531 3.4, 3.6, 3.7.3."""
        upstream = Upstream(offers=("8BITMIME", "SMTPUTF8"))
        self.addCleanup(upstream.stop)
        content = message("Grüße")
        with House("cordoning.period=0s", f"route.smarthost.port={upstream.port}",
                   "listener.0.smtputf8=yes", "listener.0.eight_bit_mime=yes") as house:
            with house.gateway.client() as session:
                session.ehlo()
                self.assertIn("smtputf8", session.esmtp_features)
                session.command_encoding = "utf-8"
                for said in (session.mail("jürgen@bücher.example", ["BODY=8BITMIME", "SMTPUTF8"]),
                             session.rcpt("用户@out.example"), session.data(content)):
                    self.assertEqual(250, said[0], said)
            eventually(lambda: upstream.messages, "it arrives")
            self.assertEqual(["MAIL FROM:<jürgen@bücher.example> BODY=8BITMIME SMTPUTF8"],
                             upstream.said("MAIL"))
            (_, _, recipients, arrived), = upstream.messages
            self.assertEqual(["用户@out.example"], recipients)
            self.assertEqual(content, without_trace(arrived))
            trace = arrived[:-len(content)].decode("ascii")
            self.assertRegex(trace, r"\sby gw\.example with UTF8SMTP id ")
            self.assertNotIn("for <", trace)

    def test_octets_above_127_that_nobody_announced_go_on_as_they_came(self):
        """RFC 5321 2.4: a relay assumes that what it got is right."""
        upstream = Upstream(offers=())
        self.addCleanup(upstream.stop)
        content = message("8 bit", "Grüße\r\n")
        with House("cordoning.period=0s", f"route.smarthost.port={upstream.port}") as house:
            house.gateway.send("anna@in.example", ["bert@out.example"], content)
            eventually(lambda: upstream.messages, "it arrives")
            self.assertEqual(["MAIL FROM:<anna@in.example>"], upstream.said("MAIL"))
            self.assertEqual(content, without_trace(upstream.messages[0][3]))

    def test_a_report_travels_by_the_null_path_and_asks_for_no_report_on_itself(self):
        """RFC 3461 6.1."""
        upstream = Upstream(offers=("SIZE", "DSN"))
        self.addCleanup(upstream.stop)
        with House("cordoning.period=0s", "notices.route=notices", start=False) as house:
            house.gateway.settings.append(f"route.notices.port={upstream.port}")
            house.gateway.start()
            house.gateway.send("anna@in.example", ["bounce1@out.example"], message("refused"))
            eventually(lambda: upstream.messages, "the report arrives")
            envelope = [line for _, _, line in upstream.commands if line[:4] in ("MAIL", "RCPT")]
            self.assertEqual("RCPT TO:<anna@in.example> NOTIFY=NEVER", envelope[1])
            self.assertRegex(envelope[0], r"^MAIL FROM:<> SIZE=\d+$")


if __name__ == "__main__":
    unittest.main()
