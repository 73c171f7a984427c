"""Where mail goes: routes by recipient, mail exchangers, servers that are away."""

import signal
import time
import unittest

from house import House, Sink, eventually, free_port, message
from nameserver import NULL_MX, NameServer
from upstream import SILENCE, Upstream

QUICK = ["cordoning.period=0s", "delivery.first_retry=1s", "delivery.jitter=0",
         "notices.route=notices"]


class Routes(unittest.TestCase):
    def sink(self, name, port=None, address="127.0.0.1"):
        sink = Sink(self.house.folder / name, port, address)
        self.addCleanup(lambda: sink.process.alive() and sink.stop(signal.SIGKILL))
        return sink

    def enter(self, *settings):
        """A house whose notices go to its own sink."""
        self.house = self.enterContext(House(*QUICK, *settings, start=False))
        self.house.gateway.settings.append(f"route.notices.port={self.house.sink.port}")
        return self.house

    # ---- by recipient domain

    def test_each_recipient_goes_by_the_route_of_its_domain(self):
        house = self.enter()
        partner = self.sink("partner")
        house.gateway.settings += [f"route.partner.port={partner.port}",
                                   "route.partner.domains=partner.example,.below.example"]
        house.gateway.start()
        house.gateway.send("anna@in.example",
                           ["a@out.example", "b@Partner.Example", "c@x.below.example",
                            "d@below.example", "e@notpartner.example"], message("to many"))
        eventually(lambda: len(house.sink.recipients()) == 3 and len(partner.recipients()) == 2,
                   "all five arrive")
        self.assertEqual(["a@out.example", "d@below.example", "e@notpartner.example"],
                         house.sink.recipients())
        self.assertEqual(["b@Partner.Example", "c@x.below.example"], partner.recipients())
        eventually(lambda: house.gateway.status()["held"] == 0, "all is settled")

    def test_a_server_that_is_away_keeps_back_its_own_recipients_only(self):
        house = self.enter()
        port = free_port()
        house.gateway.settings += [f"route.partner.port={port}",
                                   "route.partner.domains=partner.example"]
        house.gateway.start()
        house.gateway.send("anna@in.example", ["a@out.example", "b@partner.example"],
                           message("halves"))
        eventually(house.sink.recipients, "one arrives")
        partner = self.sink("partner", port)
        eventually(partner.recipients, "the other arrives when its server is back")
        eventually(lambda: house.gateway.status()["held"] == 0, "all is settled")
        self.assertEqual(["a@out.example"], house.sink.recipients())
        self.assertEqual(["b@partner.example"], partner.recipients())

    def test_a_mended_route_mends_what_waits(self):
        house = self.enter("delivery.first_retry=10m")
        right = self.sink("right")
        file = house.folder / "cordond.toml"
        routes = f"[route.notices]\nport = {house.sink.port}\n[route.smarthost]\nport = "
        file.write_text(routes + f"{free_port()}\n")
        house.gateway.settings = [one for one in house.gateway.settings
                                  if not one.startswith("route.")]
        house.gateway.options = ["--config", str(file)]
        house.gateway.start()
        house.gateway.send("anna@in.example", ["a@out.example"], message("wait"))
        eventually(lambda: "outcome=deferred" in house.gateway.log(), "the first try fails")
        file.write_text(routes + f"{right.port}\n")
        house.gateway.process.child.send_signal(signal.SIGHUP)
        eventually(right.recipients, "it goes by the mended route")

    def test_what_an_attempt_of_before_finds_closes_no_route_that_was_mended(self):
        house = self.enter("delivery.first_retry=10m", "delivery.command_timeout=2s")
        right = self.sink("right")
        wrong = Upstream(connect=[SILENCE])
        self.addCleanup(wrong.stop)
        file = house.folder / "cordond.toml"
        routes = f"[route.notices]\nport = {house.sink.port}\n[route.smarthost]\nport = "
        file.write_text(routes + f"{wrong.port}\n")
        house.gateway.settings = [one for one in house.gateway.settings
                                  if not one.startswith("route.")]
        house.gateway.options = ["--config", str(file)]
        house.gateway.start()
        house.gateway.send("anna@in.example", ["a@out.example"], message("under way"))
        eventually(lambda: wrong.connections, "an attempt is under way")
        file.write_text(routes + f"{right.port}\n")
        house.gateway.process.child.send_signal(signal.SIGHUP)
        eventually(lambda: "settings.reloaded" in house.gateway.log(), "the route is mended")
        self.assertNotIn("outcome=deferred", house.gateway.log())
        eventually(right.recipients, "it goes by the mended route")

    # ---- servers that are away

    def test_a_server_that_is_away_costs_a_connection_and_not_one_a_message(self):
        house = self.enter("delivery.first_retry=3s")
        upstream = Upstream(connect=[b"421 4.3.2 not now"] * 1000)
        self.addCleanup(upstream.stop)
        house.gateway.settings.append(f"route.smarthost.port={upstream.port}")
        house.gateway.settings.append("route.smarthost.max_connections=1")
        house.gateway.start()
        with house.gateway.client() as session:
            for i in range(30):
                session.sendmail("anna@in.example", [f"user{i}@out.example"], message(f"m{i}"))
        eventually(lambda: upstream.connections >= 2, "it is looked after again")
        self.assertLess(upstream.connections, 6)
        del upstream.script["connect"][:]
        eventually(lambda: len(upstream.recipients()) == 30, "all arrive once it is back")

    def test_a_route_takes_so_many_messages_a_minute(self):
        house = self.enter("route.smarthost.max_messages_per_minute=120")
        house.gateway.start()
        with house.gateway.client() as session:
            for i in range(20):
                session.sendmail("anna@in.example", [f"user{i}@out.example"], message(f"m{i}"))
        begin = time.monotonic()
        eventually(lambda: len(house.sink.recipients()) == 20, "all arrive")
        # Twelve at once, and eight at two a second.
        self.assertGreater(time.monotonic() - begin, 2)

    # ---- mail exchangers

    def exchangers(self, mx, addresses, *settings):
        """A house that asks the DNS, and the port of every exchanger."""
        server = NameServer(mx, addresses)
        self.addCleanup(server.stop)
        port = free_port()
        house = self.enter("route.smarthost.lookup=mx", f"dns.servers=127.0.0.1:{server.port}",
                           "dns.timeout=1s", *settings)
        house.gateway.settings.append(f"route.smarthost.port={port}")
        return house, server, port

    def test_mail_goes_to_the_best_exchanger_of_each_domain(self):
        house, _, port = self.exchangers(
            {"one.example": [(20, "b.example"), (10, "a.example")], "two.example": [(5, "b.example")]},
            {"a.example": "127.0.0.11", "b.example": "127.0.0.12"})
        a, b = self.sink("a", port, "127.0.0.11"), self.sink("b", port, "127.0.0.12")
        house.gateway.start()
        house.gateway.send("anna@in.example", ["x@one.example", "y@ONE.example", "z@two.example"],
                           message("to exchangers"))
        eventually(lambda: a.recipients() and b.recipients(), "both arrive")
        self.assertEqual(["x@one.example", "y@ONE.example"], a.recipients())
        self.assertEqual(1, len(a.messages()))  # one transaction for one destination
        self.assertEqual(["z@two.example"], b.recipients())

    def test_a_reload_tries_at_once_what_waits_for_an_exchanger_that_was_away(self):
        house, _, port = self.exchangers(
            {"one.example": [(10, "a.example")]}, {"a.example": "127.0.0.11"},
            "delivery.first_retry=10m")
        house.gateway.start()
        house.gateway.send("anna@in.example", ["x@one.example"], message("wait"))
        eventually(lambda: "outcome=deferred" in house.gateway.log(), "the first try fails")
        a = self.sink("a", port, "127.0.0.11")
        house.gateway.process.child.send_signal(signal.SIGHUP)
        eventually(a.recipients, "it is tried again")

    def test_the_next_exchanger_is_tried_at_once_when_the_best_is_away(self):
        house, _, port = self.exchangers(
            {"one.example": [(10, "a.example"), (20, "b.example")]},
            {"a.example": "127.0.0.11", "b.example": "127.0.0.12"}, "delivery.first_retry=10m")
        b = self.sink("b", port, "127.0.0.12")
        house.gateway.start()
        house.gateway.send("anna@in.example", ["x@one.example"], message("fallback"))
        eventually(b.recipients, "it arrives at the second")

    def test_a_domain_without_exchanger_is_its_own(self):
        house, _, port = self.exchangers({}, {"plain.example": "127.0.0.11"})
        sink = self.sink("plain", port, "127.0.0.11")
        house.gateway.start()
        house.gateway.send("anna@in.example", ["x@plain.example"], message("implicit"))
        eventually(sink.recipients, "it arrives")

    def test_an_address_literal_needs_no_look_up(self):
        house, _, port = self.exchangers({}, {})
        sink = self.sink("literal", port, "127.0.0.11")
        house.gateway.start()
        house.gateway.send("anna@in.example", ["x@[127.0.0.11]"], message("literal"))
        eventually(sink.recipients, "it arrives")

    def test_postmaster_alone_goes_where_the_operators_are(self):
        house, _, port = self.exchangers({"in.example": [(10, "a.example")]},
                                         {"a.example": "127.0.0.11"})
        a = self.sink("a", port, "127.0.0.11")
        house.gateway.start()
        with house.gateway.client() as session:
            session.ehlo()
            session.mail("anna@in.example")
            self.assertEqual(250, session.docmd("RCPT TO:<Postmaster>")[0])
            self.assertEqual(250, session.data(message("to postmaster"))[0])
        eventually(a.messages, "it arrives")

    def test_a_silent_domain_keeps_back_no_other_of_its_route(self):
        house, _, port = self.exchangers(
            {f"silent{i}.example": [(10, "hung.example")] for i in range(2)}
            | {"good.example": [(10, "a.example")]},
            {"hung.example": "127.0.0.12", "a.example": "127.0.0.11"}, "delivery.max_concurrent=8")
        a = self.sink("a", port, "127.0.0.11")
        hung = Upstream(port=port, address="127.0.0.12", connect=[SILENCE] * 50)
        self.addCleanup(hung.stop)
        house.gateway.start()
        for number in range(20):
            house.gateway.send("eve@in.example", [f"x@silent{number % 2}.example"],
                               message(f"to nobody {number}"))
        house.gateway.send("anna@in.example", ["x@good.example"], message("to somebody"))
        eventually(a.recipients, "it arrives")

    def test_after_a_restart_mail_goes_by_the_lane_of_its_route(self):
        house = self.enter("cordoning.period=1h", "route.slow.domains=slow.example",
                           "route.slow.max_messages_per_minute=60")
        house.gateway.settings.append(f"route.slow.port={house.sink.port}")
        house.gateway.start()
        for number in range(20):
            house.gateway.send("anna@in.example", [f"user{number}@slow.example"],
                               message(f"m{number}"))
        house.gateway.stop()
        house.gateway.start()
        begin = time.monotonic()
        house.gateway.ctl("--yes", "queue", "release", "ALL")
        eventually(lambda: len(house.sink.recipients()) >= 10, "half of them arrive")
        self.assertGreater(time.monotonic() - begin, 2)  # six at once, then one a second

    def test_null_mx_and_unknown_domains_bounce_at_once(self):
        house, _, _ = self.exchangers({"nomail.example": [(0, NULL_MX)]}, {})
        house.gateway.start()
        house.gateway.send("anna@in.example", ["x@nomail.example", "y@unknown.example"],
                           message("nowhere"))
        eventually(house.sink.messages, "the bounce arrives")
        bounce = house.sink.messages()[0][2].decode()
        self.assertIn("5.1.10", bounce)
        self.assertIn("5.1.2", bounce)

    def test_mail_is_not_sent_to_ourselves(self):
        house, _, _ = self.exchangers(
            {"loop.example": [(10, "self.example")],
             "backup.example": [(10, "a.example"), (20, "self.example")]},
            {"self.example": "127.0.0.1", "a.example": "127.0.0.11"})
        house.gateway.settings.append(f"route.smarthost.port={house.gateway.port}")
        house.gateway.start()
        house.gateway.send("anna@in.example", ["x@loop.example"], message("round"))
        eventually(house.sink.messages, "the bounce arrives")
        self.assertIn("5.4.6", house.sink.messages()[0][2].decode())
        house.gateway.send("anna@in.example", ["x@backup.example"], message("waits"))
        eventually(lambda: "cannot connect" in house.gateway.log(),
                   "only the better exchanger is tried, and away")
        self.assertNotIn("upstream.session route=smarthost", house.gateway.log())

    def test_a_name_server_that_is_away_defers(self):
        house, server, port = self.exchangers({"one.example": [(10, "a.example")]},
                                              {"a.example": "127.0.0.11"}, "dns.tries=1")
        a = self.sink("a", port, "127.0.0.11")
        server.process.child.send_signal(signal.SIGSTOP)
        house.gateway.start()
        house.gateway.send("anna@in.example", ["x@one.example"], message("no answer"))
        eventually(lambda: "4.4.3" in house.gateway.log(), "it is deferred")
        server.process.child.send_signal(signal.SIGCONT)
        eventually(a.recipients, "it arrives when the name server is back")


if __name__ == "__main__":
    unittest.main()
