"""Mail load by several clients at once, each message with a name of its own, so that what became of
it can be told: acknowledged, put off, refused, or never answered."""

import collections
import re
import smtplib
import threading
import time

from house import PATIENCE, eventually, message

LINE = "x" * 70 + "\r\n"
NAME = re.compile(r"^(\w+-s\d+-m\d+)@")


def mixed_body(count):
    """Mostly small; some are larger than one piece of the store."""
    return LINE * (1500 if count % 10 == 0 else 3)


class Load:
    """Sessions that send as fast as they are answered; use with `with`. After a reply of 4xx, or a
    lost connection, a client pauses for a moment and goes on."""

    def __init__(self, gateway, tag, sources, body=mixed_body, pause=0.01):
        self.gateway = gateway
        self.tag = tag
        self.body = body
        self.pause = pause
        self.lock = threading.Lock()
        self.acknowledged = set()
        self.in_doubt = set()        # lost before the answer to the final dot
        self.replies = collections.Counter()  # of the final one of each message
        self.refusals = []           # what was neither 2xx nor 4xx
        self.lost = 0                # connections that ended without a word
        self.end = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number, source))
                        for number, source in enumerate(sources)]

    def run(self, number, source):
        count = 0
        while not self.end.is_set():
            try:
                with self.gateway.client(source) as session:
                    while not self.end.is_set():
                        count += 1
                        self.send(session, f"{self.tag}-s{number}-m{count}", self.body(count))
            except (smtplib.SMTPException, OSError):
                with self.lock:
                    self.lost += not self.end.is_set()
                time.sleep(self.pause)

    def send(self, session, name, body):
        session.ehlo_or_helo_if_needed()
        code, text = session.mail("anna@in.example")
        if code == 250:
            code, text = session.rcpt(f"{name}@in.example")
        if code == 250:
            with self.lock:
                self.in_doubt.add(name)
            try:
                code, text = session.data(message(name, body))
            except smtplib.SMTPDataError as refused:  # before the content
                code, text = refused.smtp_code, refused.smtp_error
        with self.lock:
            self.in_doubt.discard(name)
            self.replies[code] += 1
            if code == 250:
                self.acknowledged.add(name)
            elif code // 100 != 4:
                self.refusals.append((code, text))
        if code != 250:
            session.rset()
            time.sleep(self.pause)

    def accepted(self):
        return len(self.acknowledged)

    def put_off(self):
        return sum(count for code, count in self.replies.items() if code // 100 == 4)

    def stop(self):
        self.end.set()
        for thread in self.threads:
            if thread.ident:
                thread.join()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()


def named(recipients):
    """How often each message of a load is among these recipients."""
    return collections.Counter(match[1] for match in map(NAME.match, recipients) if match)


def drain(gateway, patience=PATIENCE + 30):
    """Returns when nothing is held or on its way any more."""
    def empty():
        status = gateway.status()
        return status["held"] + status["in_flight"] == 0
    eventually(empty, "the queue drains", patience)


def assert_served_well(test, gateway, sink, load):
    """Each client got 250 or 4xx and kept its connection; what got 250 arrived once, and nothing
    else did."""
    test.assertEqual([], load.refusals)
    test.assertEqual(0, load.lost)
    test.assertEqual(set(), load.in_doubt)
    drain(gateway)
    arrived = named(sink.recipients())
    test.assertEqual(load.acknowledged, set(arrived))
    test.assertEqual({}, {name: times for name, times in arrived.items() if times > 1})
