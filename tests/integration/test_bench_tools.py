"""cordon-load and cordon-sink: what they count is what was sent. Benchmarks stand on that."""

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from house import BIN, PATIENCE, Process, Sink, eventually, free_port
from upstream import CLOSE, Upstream

PHASES = ["setup", "mail", "rcpt", "data", "content", "dot", "quit"]


def load(port, *words, code=0):
    """The report of a run that ends with the exit code."""
    done = subprocess.run([BIN / "cordon-load", "--to", f"127.0.0.1:{port}", *map(str, words)],
                          capture_output=True, text=True, timeout=PATIENCE * 4)
    if done.returncode != code:
        raise AssertionError(f"cordon-load {words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


class CountingSink:
    """cordon-sink that keeps nothing."""

    def __init__(self, folder, *words):
        self.log = folder / "sink.log"
        self.port = free_port()
        self.process = Process([BIN / "cordon-sink", "--quiet", "--listen",
                                f"127.0.0.1:{self.port}", *words], self.log)
        eventually(lambda: "listening" in self.log.read_text(), "the sink listens")

    def lines(self):
        """[(messages, octets)] as printed so far."""
        words = [line.split() for line in self.log.read_text().splitlines()]
        return [(int(line[1]), int(line[3])) for line in words if line[0] == "messages"]

    def stop(self):
        """(messages, octets) in the end."""
        if self.process.stop() != 0:
            raise AssertionError(self.log.read_text())
        return self.lines()[-1]


class BenchTools(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="cordon-bench-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def counting_sink(self, *words):
        sink = CountingSink(self.folder, *words)
        self.addCleanup(lambda: sink.process.alive() and sink.process.stop(signal.SIGKILL))
        return sink

    def upstream(self, **script):
        upstream = Upstream(**script)
        self.addCleanup(upstream.stop)
        return upstream

    def check_counts(self, report, **expected):
        self.assertEqual({name: report[name] for name in expected}, expected, report)

    def test_both_count_the_same(self):
        sink = self.counting_sink()
        report = load(sink.port, "--sessions", 3, "--messages", 100, "--per-session", 7)
        self.check_counts(report, accepted=100, accepted_in_all=100, refused=0, lost=0, errors=0,
                          octets=409600, message_octets=4096)
        self.assertEqual(sink.stop(), (100, 409600))

    def test_report_is_whole(self):
        sink = self.counting_sink()
        report = load(sink.port, "--sessions", 2, "--messages", 50, "--per-session", 5)
        self.assertEqual(list(report["phases_us"]), PHASES)
        for phase, times in report["phases_us"].items():
            self.assertGreater(times["p50"], 0, phase)
            self.assertGreater(times["mean"], 0, phase)
        dot = report["dot_us"]
        self.assertTrue(0 < dot["p50"] <= dot["p99"] <= dot["max"], dot)
        self.assertAlmostEqual(report["rate"], 50 / report["seconds"], delta=report["rate"] / 100)
        self.assertIn("cpu_s", report)

    def test_content_is_mail_of_the_size_asked_for(self):
        sink = Sink(self.folder / "kept")
        self.addCleanup(sink.stop)
        for octets in (512, 4095, 4096, 4097):
            load(sink.port, "--sessions", 2, "--messages", 3, "--octets", octets,
                 "--recipient", "user%d@in.example")
        contents = [content for _, _, content in sink.messages()]
        self.assertEqual(sorted(map(len, contents)), sorted([512, 4095, 4096, 4097] * 3))
        self.assertEqual(sink.recipients(), sorted([f"user{i}@in.example" for i in range(3)] * 4))
        self.assertEqual(len({content.split(b"\r\n")[0] for content in contents}), 12)
        for content in contents:
            self.assertTrue(content.endswith(b"\r\n"))
            header = content.split(b"\r\n\r\n")[0]
            for name in (b"Message-ID", b"From", b"To", b"Subject", b"Date"):
                self.assertRegex(b"\r\n" + header, rb"\r\n" + name + rb": \S")
            self.assertLess(max(map(len, content.split(b"\r\n"))), 100)

    def test_large_content_comes_through_whole(self):
        sink = self.counting_sink()
        load(sink.port, "--sessions", 8, "--messages", 24, "--octets", 1 << 20)
        self.assertEqual(sink.stop(), (24, 24 << 20))

    def test_threads_share_the_work(self):
        sink = self.counting_sink("--threads", "2")
        report = load(sink.port, "--sessions", 6, "--messages", 200, "--threads", 2,
                      "--per-session", 9)
        self.check_counts(report, accepted=200, errors=0)
        self.assertEqual(sink.stop()[0], 200)

    def test_warm_up_is_not_counted(self):
        sink = self.counting_sink()
        report = load(sink.port, "--sessions", 2, "--warmup", 0.3, "--seconds", 0.3)
        self.assertGreater(report["accepted"], 0)
        self.assertLess(report["accepted"], report["accepted_in_all"])
        self.assertEqual(sink.stop()[0], report["accepted_in_all"])

    def test_rate_is_kept(self):
        sink = self.counting_sink()
        report = load(sink.port, "--sessions", 4, "--messages", 51, "--rate", 100)
        self.check_counts(report, accepted=51, errors=0)
        self.assertGreaterEqual(report["seconds"], 0.5)  # the last is due then
        self.assertEqual(set(report["late_us"]), {"p50", "p99", "max"})

    def test_refused_mail_is_counted_and_the_session_goes_on(self):
        for pipelining in ([], ["--pipelining"]):
            with self.subTest(pipelining=pipelining):
                upstream = self.upstream(MAIL=[b"451 4.3.0 no"], RCPT=[b"550 5.1.1 no"],
                                         DATA=[b"452 4.3.1 no"], dot=[b"554 5.6.0 no"])
                report = load(upstream.port, "--messages", 9, *pipelining)
                self.check_counts(report, accepted=5, refused=4, lost=0, errors=0)
                self.assertEqual(upstream.connections, 1)
                self.assertEqual(len(upstream.messages), 5)

    def test_sink_refuses_as_asked(self):
        sink = self.counting_sink()
        report = load(sink.port, "--messages", 30, "--recipient", "bounce@in.example")
        self.check_counts(report, accepted=0, refused=30, errors=0)
        report = load(sink.port, "--messages", 30, "--recipient", "later@in.example")
        self.check_counts(report, accepted=29, refused=1, errors=0)
        self.assertEqual(sink.stop()[0], 29)

    def test_sink_is_slow_as_asked(self):
        sink = self.counting_sink()
        report = load(sink.port, "--sessions", 5, "--messages", 5, "--recipient", "slow@in.example",
                      "--pipelining")
        self.check_counts(report, accepted=5, errors=0)
        self.assertGreaterEqual(report["dot_us"]["p50"], 990_000)

    def test_lost_connection_is_an_error_and_opened_again(self):
        upstream = self.upstream(DATA=[CLOSE], dot=[CLOSE])
        report = load(upstream.port, "--messages", 6)
        self.check_counts(report, accepted=4, refused=0, lost=2, errors=2)
        self.assertEqual(upstream.connections, 3)

    def test_server_that_says_421_is_left(self):
        upstream = self.upstream(connect=[b"421 4.7.0 too many"], RCPT=[b"421 4.3.2 going"])
        report = load(upstream.port, "--messages", 4)
        self.check_counts(report, accepted=2, refused=2, lost=0, errors=0)
        self.assertEqual(upstream.connections, 3)

    def test_no_server_ends_the_run(self):
        report = load(free_port(), "--messages", 5, "--max-errors", 2, code=1)
        self.check_counts(report, accepted=0, errors=3)

    def test_silence_ends_a_session(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            report = load(mute.getsockname()[1], "--messages", 1, "--max-errors", 0,
                          "--patience", 0.1, code=1)
        self.check_counts(report, accepted=0, errors=1)

    def test_what_is_no_reply_is_an_error(self):
        for garbage in (b"25x 2.1.0 Ok", b"250-2.1.0 Ok\r\n251 other", b"Hello"):
            with self.subTest(garbage=garbage):
                upstream = self.upstream(MAIL=[garbage])
                self.check_counts(load(upstream.port, "--messages", 2), accepted=1, lost=1, errors=1)

    def test_source_addresses_are_taken_in_turn(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(PATIENCE)
            child = subprocess.Popen(
                [BIN / "cordon-load", "--to", f"127.0.0.1:{server.getsockname()[1]}", "--idle", "4",
                 "--from-hosts", "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            connections = [server.accept() for _ in range(4)]
            for connection, _ in connections:
                connection.close()
            child.communicate(timeout=PATIENCE)
        self.assertEqual(sorted(host for _, (host, _) in connections),
                         ["127.0.1.1", "127.0.1.1", "127.0.1.2", "127.0.1.2"])

    def test_idle_sessions_are_held_until_stdin_closes(self):
        sink = self.counting_sink()
        child = subprocess.Popen([BIN / "cordon-load", "--to", f"127.0.0.1:{sink.port}", "--idle",
                                  "150"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(child.stdout.readline(), "ready\n")
        open_files = len(list(Path(f"/proc/{sink.process.child.pid}/fd").iterdir()))
        out, _ = child.communicate(timeout=PATIENCE)
        self.assertEqual(json.loads(out), {"held": 150, "lost": 0})
        self.assertEqual(child.returncode, 0)
        self.assertGreater(open_files, 150)

    def test_idle_sessions_that_are_lost_are_told(self):
        sink = self.counting_sink()
        child = subprocess.Popen([BIN / "cordon-load", "--to", f"127.0.0.1:{sink.port}", "--idle",
                                  "5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(child.stdout.readline(), "ready\n")
        sink.stop()
        out, _ = child.communicate(timeout=PATIENCE)
        self.assertEqual(json.loads(out), {"held": 0, "lost": 5})
        self.assertEqual(child.returncode, 1)

    def test_sink_tells_its_count_on_a_signal(self):
        sink = self.counting_sink()
        load(sink.port, "--messages", 2)
        sink.process.child.send_signal(signal.SIGUSR1)
        eventually(lambda: sink.lines() == [(2, 8192)], "the sink tells its count")


if __name__ == "__main__":
    unittest.main()
