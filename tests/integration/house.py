"""What the integration tests share: cordond, its sink and its operator's command as real processes,
each in private directories on loopback, ended by their process ids."""

import json
import os
import random
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BIN = Path(os.environ.get("CORDON_BIN", Path(__file__).parents[2] / "build/release/bin"))

# Under a sanitizer everything is slower; patience is a limit, never a wait.
PATIENCE = float(os.environ.get("CORDON_PATIENCE", "30"))


# What a sanitizer writes about a fault; a test that saw one never passes.
SANITIZER = re.compile(r"^.*(?:AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:).*$", re.M)

given_ports = set()


def free_port():
    """One that nobody listens on, and that was not given before: who got it may not listen yet.
    Below those that the system gives to outgoing connections: it must be free again after a restart.
    """
    while True:
        port = random.randrange(10000, 32768)
        if port in given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given_ports.add(port)
        return port


def eventually(condition, what, patience=PATIENCE):
    """The value of condition() once it is true; fails when patience ends."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience:.0f} s: {what}")
        time.sleep(0.02)


def port_open(port, address="127.0.0.1"):
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


class Process:
    """A child with its output in a file, ended by pid. A sanitizer's report in it is a failure,
    whatever else the test looks at."""

    def __init__(self, args, log, environment=None):
        self.log_path = Path(log)
        self.log = open(log, "ab")
        self.child = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=self.log,
                                      stderr=subprocess.STDOUT,
                                      env={**os.environ, **(environment or {})})

        self.killed = False  # by us

    def alive(self):
        return self.child.poll() is None

    def stop(self, how=signal.SIGTERM):
        """The exit code."""
        if self.alive():
            self.child.send_signal(how)
            self.killed = how == signal.SIGKILL
        try:
            code = self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise AssertionError(f"{self.child.args[0]} did not stop") from None
        finally:
            self.log.close()
        if found := SANITIZER.search(self.log_path.read_text(errors="replace")):
            raise AssertionError(f"{self.child.args[0]} ended with {code}: {found[0]}")
        return code


class Sink:
    """cordon-sink: the real server's place, keeping every message as a file."""

    def __init__(self, folder, port=None, address="127.0.0.1"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address = address
        self.port = port or free_port()
        self.process = None
        self.start()

    def start(self):
        self.process = Process([BIN / "cordon-sink", "--listen", f"{self.address}:{self.port}",
                                "--quiet", "--dir", self.folder], self.folder / "sink.log")
        eventually(lambda: port_open(self.port, self.address), "the sink listens")

    def stop(self, how=signal.SIGTERM):
        return self.process.stop(how)

    def messages(self):
        """[(sender, [recipients], content)] in the order of arrival."""
        found = []
        for path in sorted(self.folder.glob("*.eml")):
            sender, *recipients = path.with_suffix(".env").read_text().splitlines()
            found.append((sender, recipients, path.read_bytes()))
        return found

    def recipients(self):
        """Every recipient of every message, notices too, sorted."""
        return sorted(to for _, recipients, _ in self.messages() for to in recipients)


class Gateway:
    """cordond with its settings as --set overrides."""

    def __init__(self, folder, upstream_port, settings=(), listeners=1):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.socket = self.folder / "control.sock"
        self.settings = [
            f"listener.0.address=127.0.0.1:{self.port}",
            f"route.smarthost.port={upstream_port}",
            f"paths.state_dir={self.folder}/state",
            f"paths.control_socket={self.socket}",
            "hostname=gw.example",
            # Mirroring would first have a look at the server behind, which scripted ones count.
            "listener.0.eight_bit_mime=yes",
            "listener.0.smtputf8=no",
            "notices.local_domains=in.example",
            "notices.operators=operator@in.example",
            "notices.warning_delay=0s",
            *settings,
        ]
        self.environment = {}  # in addition to ours
        self.options = []  # in front of the settings
        self.process = None

    def args(self, extra=()):
        args = [BIN / "cordond", *self.options]
        for setting in [*self.settings, *extra]:
            args += ["--set", setting]
        return args

    def start(self, extra=()):
        # Not by a connection: it would take a session's place for a moment.
        before = self.log().count("listener.open")
        self.process = Process(self.args(extra), self.folder / "cordond.log", self.environment)
        eventually(lambda: self.log().count("listener.open") > before or not self.process.alive(),
                   "cordond listens")
        if not self.process.alive():
            raise AssertionError(self.log())
        eventually(self.socket.exists, "the control socket is there")
        return self

    def stop(self, how=signal.SIGTERM):
        """The exit code, which must be 0 unless it was killed."""
        code = self.process.stop(how)
        if code != 0 and not self.process.killed:
            raise AssertionError(f"cordond ended with {code}\n{self.log()[-4000:]}")
        return code

    def kill(self):
        self.stop(signal.SIGKILL)

    def log(self):
        path = self.folder / "cordond.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # ---- the operator

    def run_ctl(self, *words, stdin=""):
        return subprocess.run([BIN / "cordonctl", "--socket", self.socket, *map(str, words)],
                              input=stdin, capture_output=True, text=True, timeout=PATIENCE + 30)

    def ctl(self, *words, stdin=""):
        """Standard output of a command that must succeed."""
        done = self.run_ctl(*words, stdin=stdin)
        if done.returncode != 0:
            raise AssertionError(f"cordonctl {words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def rows(self, *words):
        """The JSON rows of a listing; an empty listing is no error."""
        done = self.run_ctl(*words, "--json")
        if done.returncode not in (0, 1):
            raise AssertionError(f"cordonctl {words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines() if line]

    def status(self):
        return self.rows("status")[0]

    # ---- a client

    def client(self, source="127.0.0.1"):
        """An SMTP session from the host `source`: each 127.0.0.x is an origin of its own."""
        return smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.example",
                            timeout=PATIENCE, source_address=(source, 0))

    def send(self, sender, recipients, content, source="127.0.0.1"):
        with self.client(source) as session:
            session.sendmail(sender, recipients, content)


class House:
    """A folder for one test, with a sink and a gateway; use with `with`."""

    def __init__(self, *settings, start=True):
        self.folder = Path(tempfile.mkdtemp(prefix="cordon-"))
        self.sink = Sink(self.folder / "sink")
        self.gateway = Gateway(self.folder / "gateway", self.sink.port, settings)
        if start:
            self.gateway.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        faults = [] if kind is None else [kind]
        for part in (self.gateway, self.sink):
            try:
                if part.process:
                    part.stop(signal.SIGKILL if kind else signal.SIGTERM)
            except AssertionError as fault:
                faults.append(fault)
        if not faults:
            shutil.rmtree(self.folder)
            return
        print(f"kept for a look: {self.folder}")
        print(self.gateway.log()[-4000:])
        if faults[-1] is not kind:
            raise faults[-1]


def message(subject, body="Hello\r\n", sender="anna@in.example", to="bert@in.example"):
    """A plain message as bytes."""
    return (f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject.replace(' ', '.')}@client.example>\r\n\r\n{body}").encode()


def without_trace(content):
    """The content behind the one field that Cordon adds, which must be there."""
    match = re.match(rb"Received: from .*?\r\n(?![ \t])", content, re.S)
    if not match or b"by gw.example" not in match.group():
        raise AssertionError(f"no Received field of Cordon in front: {content[:200]!r}")
    return content[match.end():]
