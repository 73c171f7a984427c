"""What happens to the gateway during a soak: mixed mail, uses of baits, an upstream with bad times,
and operators who look and clear up. Each part is a thread with a ledger of its own."""

import random
import re
import signal
import threading

from house import Sink, message
from load import LINE, Load, named

BAIT = "old.archive@in.example"
GOOD_TIME, HANG, REFUSAL = 15, 8, 5  # seconds; a hang outlasts the gateway's time-outs
SMALLEST, LARGEST = 1024, 2 * 1024 * 1024


class Actor(threading.Thread):
    """Does act() every `pause` seconds, or act() itself waits by rest(); ends when told to."""

    def __init__(self, pause):
        super().__init__(name=type(self).__name__)
        self.pause = pause
        self.told_to_end = threading.Event()
        self.fault = None

    def rest(self, seconds):
        """False when it is time to end."""
        return not self.told_to_end.wait(seconds)

    def run(self):
        try:
            while self.rest(self.pause):
                self.act()
        except Exception as fault:  # shown with the verdict: a soak without its actors is none
            self.fault = f"{self.name}: {fault!r}"

    def end(self):
        self.told_to_end.set()
        if self.ident:
            self.join()


class Mail(Load):
    """Clients of several hosts with messages of all sizes, most of them small, at so many messages
    a second together. The sink defers one of twenty at first and refuses one of a hundred."""

    def __init__(self, gateway, rate, clients=8):
        super().__init__(gateway, "soak", [f"127.0.3.{n + 1}" for n in range(clients)])
        self.chance = random.Random()
        self.wait = clients / rate
        self.body = self.any_size

    def any_size(self, _):
        lines = SMALLEST * (LARGEST / SMALLEST) ** self.chance.random() / len(LINE)
        return LINE * max(1, int(lines))

    def send(self, session, name, body):
        draw = self.chance.random()
        kind = "later" if draw < 0.05 else "bounce" if draw < 0.06 else ""
        super().send(session, kind + name, body)
        self.end.wait(self.chance.expovariate(1 / self.wait))


class Intruder(Actor):
    """A new host each time: some mail that leaves, a bait, and mail that must not leave."""

    def __init__(self, gateway, period):
        super().__init__(10)
        self.gateway = gateway
        self.period = period
        self.count = 0
        self.before, self.after = set(), set()

    def act(self):
        self.count += 1
        source = f"127.0.{4 + self.count // 250}.{1 + self.count % 250}"
        with self.gateway.client(source) as session:
            for number in range(3):
                self.send(session, f"worm-s{self.count}-m{number}", self.before)
            self.rest(self.period + 2)
            session.sendmail("anna@in.example", [BAIT], message("hit"))
            for number in range(3, 6):
                self.send(session, f"worm-s{self.count}-m{number}", self.after)

    def send(self, session, name, ledger):
        session.sendmail("anna@in.example", [f"{name}@in.example"], message(name, LINE * 100))
        ledger.add(name)


class BadTimes(Actor):
    """The upstream hangs, refuses connections and comes back, in turn."""

    def __init__(self, house):
        super().__init__(GOOD_TIME)
        self.house = house
        self.folders = [house.sink.folder]

    def act(self):
        self.house.sink.process.child.send_signal(signal.SIGSTOP)
        self.rest(HANG)
        self.house.sink.process.child.send_signal(signal.SIGCONT)
        if not self.rest(GOOD_TIME):
            return
        self.house.sink.stop()
        self.rest(REFUSAL)
        folder = self.house.folder / f"sink{len(self.folders)}"
        self.folders.append(folder)
        self.house.sink = Sink(folder, self.house.sink.port)


class Operators(Actor):
    """Ask for everything, then delete the quarantine and lift its cordons."""

    def __init__(self, gateway):
        super().__init__(5)
        self.gateway = gateway
        self.quarantined = set()

    def act(self):
        for words in (["status"], ["queue", "list", "ALL"], ["alert", "list"], ["warning", "list"],
                      ["audit"]):
            self.gateway.rows(*words)
        self.clear_up()

    def clear_up(self):
        rows = self.gateway.rows("quarantine", "list", "ALL")
        if rows:
            self.quarantined |= set(named(row["recipients"][0]["address"] for row in rows))
            self.gateway.ctl("--yes", "quarantine", "delete", *[row["queue_id"] for row in rows])


class Collector(Actor):
    """Counts what has arrived, and what came back as a bounce, and clears the sink's folders."""

    REFUSED = re.compile(rb"^Final-Recipient: rfc822; ?(\S+)", re.M | re.I)

    def __init__(self, folders):
        super().__init__(2)
        self.folders = folders
        self.delivered, self.bounced = named([]), set()
        self.notices = 0

    def act(self):
        for folder in list(self.folders):
            for content in folder.glob("*.eml"):
                self.collect(content, content.with_suffix(".env"))

    def collect(self, content, envelope):
        sender, *recipients = envelope.read_text().splitlines()
        if sender == "<>":
            self.notices += 1
            failed = self.REFUSED.findall(content.read_bytes())
            self.bounced |= set(named(to.decode() for to in failed))
        else:
            self.delivered += named(recipients)
        content.unlink()
        envelope.unlink()
