"""An upstream that misbehaves at every step of a session with TLS and AUTH: each message arrives once,
or its sender is told once; nothing is lost, and nothing is doubled."""

import email
import unittest

from certificates import Authority
from house import House, eventually, message, without_trace
from upstream import CLOSE, SILENCE, Half, Last, Upstream

QUICK = ["cordoning.period=0s", "delivery.first_retry=1s", "delivery.max_retry=2s",
         "delivery.jitter=0", "delivery.command_timeout=2s", "delivery.data_timeout=2s"]

# What an upstream may say to anything; the next time it behaves.
ANYTHING = {"450": b"450 4.3.2 busy", "421": b"421 4.3.2 closing", "550": b"550 5.3.2 never",
            "silence": SILENCE, "half a line": Half(b"250 2.0"), "lost": CLOSE,
            "nonsense": b"what?", "over-long": b"\r\n".join([b"450-and so on"] * 6000)}

# A positive reply, and another that nobody asked for.
EXTRA = {"connect": b"220 mx.example ESMTP", "EHLO": b"250-mx.example\r\n250-STARTTLS\r\n250 DSN",
         "STARTTLS": b"220 2.0.0 Go", "AUTH": b"235 2.7.0 Yes", "MAIL": b"250 2.1.0 Ok",
         "RCPT": b"250 2.1.5 Ok", "DATA": b"354 Go on", "dot": b"250 2.0.0 Taken",
         "QUIT": b"221 2.0.0 Bye"}

# The answers that are about the message and final: its sender is told. All else is tried again.
FINAL = {("MAIL", "550"), ("RCPT", "550"), ("DATA", "550"), ("dot", "550")}


def cases():
    """[(step, name of what is answered, answer)]."""
    for step, usual in EXTRA.items():
        for name, answer in ANYTHING.items():
            yield step, name, answer
        yield step, "extra reply", usual + b"\r\n250 2.0.0 again"
    yield "TLS", "lost", CLOSE
    yield "TLS", "nonsense", b"500 what?\r\n"
    for name in ("silence", "lost"):
        yield "content", name, ANYTHING[name]
    for name in ("421", "nonsense"):  # a server that says this and takes the message has it twice
        yield "content", name, Last(ANYTHING[name])


class Misbehaving(unittest.TestCase):
    """All cases at once: each has a recipient domain, a route and an upstream of its own."""

    def test_every_step(self):
        house = House(*QUICK, start=False)
        authority = Authority(house.folder / "keys")
        certificate = authority.server("mx", "IP:127.0.0.1")
        password = house.folder / "password"
        password.write_text("secret\n")
        password.chmod(0o600)
        todo = []
        for number, (step, name, answer) in enumerate(cases()):
            upstream = Upstream(certificate=certificate, password=("gw", "secret"),
                                **{step: [answer]})
            self.addCleanup(upstream.stop)
            todo.append((step, name, f"bert@case{number}.example", upstream))
            house.gateway.settings += [
                f"route.case{number}.{setting}" for setting in
                (f"port={upstream.port}", f"domains=case{number}.example", "tls=verify",
                 f"ca_file={authority.file}", "user=gw", f"password_file={password}")]
        house.gateway.start()
        with house:
            for _, _, to, _ in todo:
                house.gateway.send("anna@in.example", [to], message(to))
            eventually(lambda: house.gateway.rows("queue", "list") == [], "all is settled",
                       patience=120)
            told = self.told(house)
            for step, name, to, upstream in todo:
                with self.subTest(step=step, answer=name):
                    final = (step, name) in FINAL
                    self.assertEqual([] if final else [to], upstream.recipients())
                    self.assertEqual(1 if final else 0, told.count(to))
                    for _, _, _, content in upstream.messages:
                        self.assertEqual(message(to), without_trace(content))
                    self.assertFalse([line for _, secured, line in upstream.commands
                                      if not secured and not line.startswith(("EHLO", "HELO",
                                                                              "STARTTLS", "QUIT"))])
            self.assertNotIn("secret", house.gateway.log().replace("password_file", ""))

    @staticmethod
    def told(house):
        """Recipients of whom a bounce to the sender spoke, as often as one did."""
        found = []
        for sender, recipients, content in house.sink.messages():
            if sender != "<>" or recipients != ["anna@in.example"]:
                raise AssertionError(f"unexpected mail from {sender} to {recipients}")
            status = email.message_from_bytes(content).get_payload()[1].get_payload()[1]
            found.append(status["Final-Recipient"].split(";")[1].strip())
        return found


class Reused(unittest.TestCase):
    """A connection that serves one message after the other."""

    def house(self, upstream, *settings):
        house = House(*QUICK, "notices.route=notices", "route.smarthost.max_connections=1",
                      "route.smarthost.idle_timeout=60s", *settings, start=False)
        house.gateway.settings += [f"route.smarthost.port={upstream.port}",
                                   f"route.notices.port={house.sink.port}"]
        house.gateway.start()
        return house

    def two(self, house, upstream, between=lambda: None):
        """A message, then another; both arrive, and the attempts that were deferred are counted."""
        house.gateway.send("anna@in.example", ["one@in.example"], message("one"))
        eventually(lambda: house.gateway.rows("queue", "list") == [], "the first is settled")
        between()
        house.gateway.send("anna@in.example", ["two@in.example"], message("two"))
        eventually(lambda: "two@in.example" in upstream.recipients(), "the second arrives")
        eventually(lambda: house.gateway.rows("queue", "list") == [], "the second is settled")
        return house.gateway.log().count("outcome=deferred")

    def test_one_that_died_while_idle_costs_no_attempt(self):
        upstream = Upstream()
        self.addCleanup(upstream.stop)
        for name, answer in (("lost", CLOSE), ("421", b"421 4.4.2 idle"), ("silence", SILENCE)):
            with self.subTest(name), self.house(upstream) as house:
                upstream.messages.clear()
                before = upstream.connections

                def spoil(said=answer):
                    upstream.script["MAIL"] = [said]

                self.assertEqual(0, self.two(house, upstream, spoil))
                self.assertEqual(2, upstream.connections - before)
                self.assertEqual(["one@in.example", "two@in.example"], upstream.recipients())

    def test_a_server_that_refuses_rset_gets_no_more_on_that_connection(self):
        upstream = Upstream(dot=[b"554 5.6.0 not that"], RSET=[b"550 5.3.2 never"])
        self.addCleanup(upstream.stop)
        with self.house(upstream) as house:
            self.two(house, upstream)
            self.assertEqual(["two@in.example"], upstream.recipients())
            self.assertEqual(["anna@in.example"], house.sink.recipients())


if __name__ == "__main__":
    unittest.main()
