"""TLS and AUTH towards the real server: never less than the route asks for, and what is amiss is
told to the operator while the mail waits."""

import signal
import tempfile
import unittest
from pathlib import Path

from certificates import Authority
from house import House, eventually, message, without_trace
from upstream import CLOSE, Upstream

QUICK = ["cordoning.period=0s", "delivery.first_retry=1s", "delivery.max_retry=1s",
         "delivery.jitter=0", "route.smarthost.max_messages_per_connection=1"]


class UpstreamCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="cordon-keys-")
        cls.addClassCleanup(folder.cleanup)
        cls.keys = Path(folder.name)
        cls.authority = Authority(cls.keys / "ours")
        cls.stranger = Authority(cls.keys / "stranger", "Somebody else")
        cls.certificate = cls.authority.server("mx", "mx.example", "IP:127.0.0.1")
        cls.password = cls.secret_file("password", "pass word!")

    @classmethod
    def secret_file(cls, name, secret):
        path = cls.keys / name
        path.write_text(secret + "\n")
        path.chmod(0o600)
        return path

    def upstream(self, **words):
        upstream = Upstream(**words)
        self.addCleanup(upstream.stop)
        return upstream

    def house(self, upstream, *settings, start=True):
        """Mail goes to `upstream`, by a route with `settings`; notices to the sink."""
        house = House(*QUICK, "notices.route=notices", start=False)
        house.gateway.settings += [f"route.smarthost.port={upstream.port}",
                                   f"route.notices.port={house.sink.port}",
                                   *(f"route.smarthost.{setting}" for setting in settings)]
        if start:
            house.gateway.start()
        return house

    def send(self, house, name="one"):
        house.gateway.send("anna@in.example", [f"{name}@out.example"], message(name))

    def assert_arrives(self, house, upstream, name="one", secured=True):
        eventually(lambda: f"{name}@out.example" in upstream.recipients(), f"{name} arrives")
        (number, content), = [(n, c) for n, _, to, c in upstream.messages
                              if to == [f"{name}@out.example"]]
        self.assertEqual(message(name), without_trace(content))
        under_tls = [s for n, s, line in upstream.commands if n == number and line[:4] == "MAIL"]
        self.assertEqual([secured], under_tls)

    def assert_waits(self, house, upstream, *reasons):
        """It was tried, is in the queue, and the operator is told why."""
        def told():
            return any("outcome=deferred" in row and all(reason in row for reason in reasons)
                       for row in house.gateway.log().splitlines())
        eventually(told, f"an attempt that ended with {reasons}")
        self.assertEqual([], upstream.messages)
        self.assertEqual(1, len(house.gateway.rows("queue", "list")))

    def restart(self, house, *settings):
        house.gateway.stop()
        house.gateway.settings += [f"route.smarthost.{setting}" for setting in settings]
        house.gateway.start()


class Tls(UpstreamCase):
    def test_opportunistic_takes_what_is_offered(self):
        upstream = self.upstream(certificate=self.certificate)
        with self.house(upstream) as house:
            self.send(house)
            self.assert_arrives(house, upstream)
            eventually(lambda: "TLSv1.3" in house.gateway.log(), "the log tells")
        plain = self.upstream()
        with self.house(plain) as house:
            self.send(house)
            self.assert_arrives(house, plain, secured=False)

    def test_none_asks_for_none(self):
        upstream = self.upstream(certificate=self.certificate)
        with self.house(upstream, "tls=none") as house:
            self.send(house)
            self.assert_arrives(house, upstream, secured=False)
            self.assertEqual([], upstream.said("STARTTLS"))

    def test_opportunistic_goes_on_in_plain_at_once_if_the_handshake_fails(self):
        for name, trouble in (("lost", CLOSE), ("nonsense", b"what?\r\n")):
            with self.subTest(name):
                upstream = self.upstream(certificate=self.certificate, TLS=[trouble] * 100)
                with self.house(upstream) as house:
                    self.send(house)
                    self.assert_arrives(house, upstream, secured=False)
                    self.assertIn("upstream.tls_failed", house.gateway.log())
                    self.assertNotIn("outcome=deferred", house.gateway.log())
                    asked = len(upstream.said("STARTTLS"))
                    self.send(house, "two")
                    self.assert_arrives(house, upstream, "two", secured=False)
                    self.assertEqual(asked, len(upstream.said("STARTTLS")), "it is remembered")

    def test_required_waits_for_starttls(self):
        upstream = self.upstream()
        with self.house(upstream, "tls=required") as house:
            self.send(house)
            self.assert_waits(house, upstream,
                              "TLS is required, and the next server does not offer STARTTLS")
            self.assertEqual([], upstream.said("MAIL"))
            upstream.context = self.upstream(certificate=self.certificate).context
            self.assert_arrives(house, upstream)

    def test_required_never_goes_on_in_plain(self):
        upstream = self.upstream(certificate=self.certificate, TLS=[CLOSE] * 2,
                                 STARTTLS=[b"220 2.0.0 Go"] * 2 + [b"454 4.7.0 no key"])
        with self.house(upstream, "tls=required") as house:
            self.send(house)
            self.assert_waits(house, upstream, "454 4.7.5 TLS with the next server failed")
            self.assert_arrives(house, upstream)
            self.assertIn("the next server refuses it: 454 4.7.0 no key", house.gateway.log())
            self.assertFalse([line for _, secured, line in upstream.commands
                              if not secured and line.startswith("MAIL")])

    def test_verify_knows_the_authority_and_the_name(self):
        upstream = self.upstream(certificate=self.certificate)
        with self.house(upstream, "tls=verify", f"ca_file={self.stranger.file}") as house:
            self.send(house)
            self.assert_waits(house, upstream, "454 4.7.5", "certificate")
            self.restart(house, f"ca_file={self.authority.file}")
            self.assert_arrives(house, upstream)
            self.restart(house, "tls_name=other.example")
            upstream.messages.clear()
            self.send(house, "two")
            self.assert_waits(house, upstream, "454 4.7.5", "mismatch")
            self.restart(house, "tls_name=mx.example")
            self.assert_arrives(house, upstream, "two")

    def test_verify_by_pins_asks_for_neither(self):
        chain = self.certificate[0]
        for name, pin in (("certificate", self.authority.digest(chain)),
                          ("key", self.authority.key_digest(chain))):
            with self.subTest(name):
                upstream = self.upstream(certificate=self.certificate)
                with self.house(upstream, "tls=verify", f"pins={pin}",
                                "tls_name=other.example") as house:
                    self.send(house)
                    self.assert_arrives(house, upstream)
        upstream = self.upstream(certificate=self.certificate)
        other = self.authority.server("other", "mx.example", "IP:127.0.0.1")[0]
        with self.house(upstream, "tls=verify", f"pins={self.authority.digest(other)}",
                        f"ca_file={self.authority.file}") as house:
            self.send(house)
            self.assert_waits(house, upstream, "454 4.7.5")

    def test_implicit_tls(self):
        upstream = self.upstream(certificate=self.certificate, implicit=True)
        with self.house(upstream, "tls=verify", f"ca_file={self.authority.file}",
                        "implicit_tls=true") as house:
            self.send(house)
            self.assert_arrives(house, upstream)
            self.assertEqual([], upstream.said("STARTTLS"))
        plain = self.upstream()
        with self.house(plain, "implicit_tls=true", "connect_timeout=1s") as house:
            self.send(house)
            self.assert_waits(house, plain, "TLS with the next server failed")
            self.assertEqual([], plain.said("EHLO"))

    def test_replies_injected_behind_starttls_end_the_connection(self):
        injected = b"220 2.0.0 Go\r\n250-mx.example\r\n250 AUTH PLAIN"
        for policy in ("opportunistic", "required"):
            with self.subTest(policy):
                upstream = self.upstream(certificate=self.certificate, STARTTLS=[injected])
                with self.house(upstream, f"tls={policy}") as house:
                    self.send(house)
                    self.assert_waits(house, upstream, "The next server broke the protocol")
                    self.assert_arrives(house, upstream)
                    self.assertEqual([], upstream.said("AUTH"))

    def test_a_mended_file_is_in_force_after_sighup(self):
        authorities = self.keys / "authorities.pem"
        authorities.write_bytes(self.stranger.file.read_bytes())
        upstream = self.upstream(certificate=self.certificate)
        house = self.house(upstream, "tls=verify", f"ca_file={authorities}", start=False)
        house.gateway.start()
        with house:
            self.send(house)
            self.assert_waits(house, upstream, "454 4.7.5")
            authorities.write_bytes(self.authority.file.read_bytes())
            house.gateway.process.child.send_signal(signal.SIGHUP)
            self.assert_arrives(house, upstream)


class Auth(UpstreamCase):
    def test_each_mechanism(self):
        for mechanism, offered in (("automatic", "LOGIN PLAIN"), ("automatic", "LOGIN"),
                                   ("plain", "LOGIN PLAIN"), ("login", "LOGIN PLAIN"),
                                   ("xoauth2", "PLAIN XOAUTH2"),
                                   ("oauthbearer", "PLAIN OAUTHBEARER")):
            with self.subTest(mechanism, offered=offered):
                upstream = self.upstream(certificate=self.certificate, mechanisms=offered,
                                         password=("gw@mx.example", "pass word!"))
                if "BEARER" in offered or "XOAUTH" in offered:
                    upstream.password = ("gw@mx.example", "tok.en-1")
                    secret = self.secret_file("token", "tok.en-1")
                else:
                    secret = self.password
                with self.house(upstream, "tls=required", "user=gw@mx.example",
                                f"password_file={secret}", f"mechanism={mechanism}") as house:
                    self.send(house)
                    self.assert_arrives(house, upstream)
                    log = house.gateway.log()
                    self.assertNotIn(secret.read_text().strip(), log)
                    mail, = upstream.said("MAIL")
                    self.assertTrue(mail.endswith(" AUTH=<>"), mail)
                    for line in upstream.said("AUTH"):
                        self.assertNotIn(line.split()[-1] if len(line.split()) > 2 else "AUTH ",
                                         log)

    def test_a_long_token_waits_for_its_prompt(self):
        token = "t" * 2000
        upstream = self.upstream(certificate=self.certificate, mechanisms="XOAUTH2",
                                 password=("gw", token))
        with self.house(upstream, "user=gw", "mechanism=xoauth2",
                        f"password_file={self.secret_file('long', token)}") as house:
            self.send(house)
            self.assert_arrives(house, upstream)
            self.assertEqual({"AUTH XOAUTH2"}, set(upstream.said("AUTH")))

    def test_wrong_credentials_make_mail_wait_and_mended_ones_go_on(self):
        for mechanism in ("PLAIN", "XOAUTH2"):
            with self.subTest(mechanism):
                upstream = self.upstream(certificate=self.certificate, mechanisms=mechanism,
                                         password=("gw", "right"))
                secret = self.secret_file("changing", "wrong")
                with self.house(upstream, "tls=required", "user=gw", f"password_file={secret}",
                                f"mechanism={mechanism.lower()}") as house:
                    self.send(house)
                    self.assert_waits(house, upstream, "The next server does not take our "
                                                       "credentials: 535 5.7.8 Wrong")
                    secret.write_text("right\n")
                    house.gateway.process.child.send_signal(signal.SIGHUP)
                    self.assert_arrives(house, upstream)
                    self.assertEqual([], house.sink.messages())

    def test_a_reload_that_cannot_read_the_password_leaves_the_old_one_in_force(self):
        upstream = self.upstream(certificate=self.certificate, password=("gw", "right"))
        secret = self.secret_file("vanishing", "right")
        with self.house(upstream, "tls=required", "user=gw", f"password_file={secret}") as house:
            secret.unlink()
            house.gateway.process.child.send_signal(signal.SIGHUP)
            eventually(lambda: "settings.refused" in house.gateway.log(), "the reload is refused")
            self.assertIn(f"{secret}: No such file or directory", house.gateway.log())
            self.send(house)
            self.assert_arrives(house, upstream)

    def test_opportunistic_tls_that_fails_is_tried_again_where_a_password_needs_it(self):
        upstream = self.upstream(certificate=self.certificate, password=("gw", "pass word!"),
                                 TLS=[CLOSE])
        with self.house(upstream, "user=gw", f"password_file={self.password}") as house:
            self.send(house)
            self.assert_waits(house, upstream, "454 4.7.5 TLS with the next server failed")
            self.assert_arrives(house, upstream)

    def test_a_password_is_not_sent_in_plain(self):
        upstream = self.upstream(password=("gw", "pass word!"))
        with self.house(upstream, "user=gw", f"password_file={self.password}") as house:
            self.send(house)
            self.assert_waits(house, upstream, "Our credentials need TLS")
            self.assertEqual([], upstream.said("AUTH"))
            self.restart(house, "auth_in_plain=true")
            self.assert_arrives(house, upstream, secured=False)

    def test_a_password_that_others_may_read_is_refused_at_start(self):
        secret = self.secret_file("open", "pass word!")
        secret.chmod(0o644)
        upstream = self.upstream()
        house = self.house(upstream, "user=gw", f"password_file={secret}", start=False)
        with house:
            with self.assertRaisesRegex(AssertionError, "everybody may read or write it"):
                house.gateway.start()
            house.gateway.process.stop()
            house.gateway.process = None

    def test_settings_that_do_not_go_together_are_refused(self):
        upstream = self.upstream()
        for settings, complaint in ((["user=gw"], "needs a password_file"),
                                    (["implicit_tls=true", "tls=none"], "needs tls"),
                                    (["pins=" + "a" * 64], "needs tls = \"verify\"")):
            with self.subTest(settings):
                house = self.house(upstream, *settings, start=False)
                with house:
                    with self.assertRaisesRegex(AssertionError, complaint):
                        house.gateway.start()
                    house.gateway.process.stop()
                    house.gateway.process = None


if __name__ == "__main__":
    unittest.main()
