"""AUTH with a password file: who gets in, who does not, and that no secret is ever shown."""

import base64
import unittest
from pathlib import Path

from house import eventually, message
from secure import (PASSWORD, USER, SecureHouse, UpgradedRaw, extensions, password_line,
                    write_secret)
from test_sessions import FileGateway

STARTTLS = "listener.0.tls=starttls"
OFFERED = "listener.0.auth=offered"
REQUIRED = "listener.0.auth=required"


def encoded(text):
    return base64.b64encode(text.encode())


def plain(user=USER, password=PASSWORD, acting_as=""):
    return b"AUTH PLAIN " + encoded(f"{acting_as}\0{user}\0{password}")


class Auth(unittest.TestCase):
    def assert_no_secret(self, house, *others):
        told = house.gateway.log().encode()
        for secret in (PASSWORD, *others):
            self.assertNotIn(secret.encode(), told)
            self.assertNotIn(encoded(secret), told)
            self.assertNotIn(encoded(f"\0{USER}\0{secret}"), told)

    def test_no_core_is_left(self):
        with SecureHouse(STARTTLS, REQUIRED) as house:
            limits = Path(f"/proc/{house.gateway.process.child.pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size\s+0\s+0\s")

    def test_the_right_password_lets_in_by_each_mechanism_and_the_trace_tells(self):
        with SecureHouse(STARTTLS, REQUIRED) as house:
            for mechanism in ("PLAIN", "LOGIN"):
                with house.upgraded() as session:
                    session.ehlo()
                    self.assertEqual("PLAIN LOGIN", session.esmtp_features["auth"].strip())
                    self.assertEqual(235, self.authenticate(session, mechanism))
                    session.sendmail("anna@in.example", ["bert@in.example"], message(mechanism))
            messages = eventually(lambda: len(house.sink.messages()) == 2 and house.sink.messages(),
                                  "both arrive")
            for _, _, content in messages:
                self.assertIn(b" with ESMTPSA id ", content)
            self.assertEqual(2, house.gateway.log().count("auth.accepted"))
            self.assertIn(f"user={USER}", house.gateway.log())
            self.assert_no_secret(house)

    @staticmethod
    def authenticate(session, mechanism):
        """The code of the last reply. smtplib's own login() has ASCII only."""
        if mechanism == "PLAIN":
            return session.docmd(plain().decode())[0]
        session.docmd("AUTH LOGIN")
        session.docmd(encoded(USER).decode())
        return session.docmd(encoded(PASSWORD).decode())[0]

    def test_wrong_passwords_and_unknown_names_are_refused_alike_and_limited(self):
        with SecureHouse(STARTTLS, OFFERED, "limits.max_auth_failures=3") as house:
            with UpgradedRaw(house.gateway.port, house.context()) as raw:
                raw.command(b"EHLO client.example")
                replies = [raw.command(plain(password="wr0ng-one")),
                           raw.command(plain(user="nobody")),
                           raw.command(plain(acting_as="bert"))]
                self.assertEqual({b"535 5.7.8"}, {reply[:9] for reply in replies})
                self.assertEqual(1, len(set(replies)), replies)
                raw.send(plain() + b"\r\nNOOP\r\n")
                self.assertEqual([b"421 4.7.0"], [reply[:9] for reply in raw.rest()])
            self.assert_no_secret(house, "wr0ng-one")
            self.assertNotIn("nobody", house.gateway.log())  # it might have been a password

    def test_it_is_neither_offered_nor_taken_in_plain(self):
        with SecureHouse(STARTTLS, OFFERED) as house:
            with house.gateway.client() as session:
                self.assertNotIn("auth", extensions(session))
                code, text = session.docmd(plain().decode())
                self.assertIn((code, text[:6]), [(538, b"5.7.11"), (530, b"5.7.0 ")])
            self.assert_no_secret(house)

    def test_unless_told_otherwise(self):
        with SecureHouse(OFFERED, "listener.0.auth_in_plain=true") as house:
            with house.gateway.client() as session:
                self.assertIn("auth", extensions(session))
                self.assertEqual(235, session.docmd(plain().decode())[0])
                session.sendmail("anna@in.example", ["bert@in.example"], message("plain"))
            content = eventually(house.sink.messages, "it arrives")[0][2]
            self.assertIn(b" with ESMTPA id ", content)

    def test_where_it_is_required_there_is_no_mail_before_it(self):
        with SecureHouse(STARTTLS, REQUIRED) as house:
            with house.upgraded() as session:
                session.ehlo()
                code, text = session.mail("anna@in.example")
                self.assertEqual((530, b"5.7.0"), (code, text[:5]))

    def test_what_was_proved_in_plain_is_forgotten_under_tls(self):
        with SecureHouse(STARTTLS, REQUIRED, "listener.0.auth_in_plain=true") as house:
            with house.gateway.client() as session:
                session.ehlo()
                self.assertEqual(235, session.docmd(plain().decode())[0])
                session.starttls(context=house.context())
                session.ehlo()
                self.assertEqual(530, session.mail("anna@in.example")[0])

    def test_many_tries_at_once_are_all_answered(self):
        with SecureHouse(STARTTLS, OFFERED) as house:
            sessions = [UpgradedRaw(house.gateway.port, house.context()) for _ in range(6)]
            for raw in sessions:
                raw.command(b"EHLO client.example")
            for n, raw in enumerate(sessions):
                raw.send(plain(password=PASSWORD if n % 2 else "wrong") + b"\r\n")
            self.assertEqual([b"535", b"235"] * 3, [raw.reply()[:3] for raw in sessions])
            for raw in sessions:
                raw.__exit__()

    def test_a_stop_does_not_wait_for_passwords_that_are_being_looked_at(self):
        with SecureHouse(STARTTLS, OFFERED) as house:
            with UpgradedRaw(house.gateway.port, house.context()) as raw:
                raw.command(b"EHLO client.example")
                raw.send(plain() + b"\r\n")
                self.assertEqual(0, house.gateway.stop())

    def test_sighup_reads_the_passwords_again(self):
        with SecureHouse(STARTTLS, OFFERED, start=False) as house:
            gateway = FileGateway(house.gateway.folder, house.sink.port)
            gateway.settings, gateway.port = house.gateway.settings, house.gateway.port
            house.gateway = gateway
            gateway.write("")
            gateway.start()

            def answer(password):
                with UpgradedRaw(gateway.port, house.context()) as raw:
                    raw.command(b"EHLO client.example")
                    return raw.command(plain(password=password))[:3]

            self.assertEqual(b"235", answer(PASSWORD))
            write_secret(house.passwords, password_line(password="new"))
            gateway.reload("", "settings.reloaded")
            self.assertEqual([b"535", b"235"], [answer(PASSWORD), answer("new")])
            write_secret(house.passwords, "anna:new\n")
            gateway.reload("", "settings.refused")
            self.assertIn(f"{house.passwords}:1: no hash", gateway.log())
            self.assertEqual(b"235", answer("new"))


class Cordoned(unittest.TestCase):
    """What a cordoned origin gives to AUTH is answered as anybody's, and is on record without it."""

    BAIT = "bait@in.example"

    def test_its_replies_are_those_of_a_free_one_and_the_record_has_no_secret(self):
        dialogue = [b"EHLO client.example", plain(password="wrong"), b"AUTH LOGIN",
                    encoded(USER), encoded(PASSWORD), b"NOOP",
                    b"MAIL FROM:<anna@in.example>", b"RCPT TO:<bert@in.example>", b"NOOP last"]
        with SecureHouse(STARTTLS, OFFERED, "cordoning.period=1h") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", self.BAIT)

            def replies():
                with UpgradedRaw(gateway.port, house.context()) as raw:
                    return [raw.command(line) for line in dialogue]

            free = replies()
            gateway.send("anna@in.example", [self.BAIT], message("caught"))
            self.assertEqual(1, len(gateway.rows("cordon", "list")))
            self.assertEqual(free, replies())
            self.assertEqual(b"235", free[4][:3])

            cordon = gateway.rows("cordon", "list")[0]["cordon_id"]
            record = eventually(lambda: self.record(gateway, cordon), "it is written out")
            self.assertIn("[credentials]", record)
            for secret in (plain(password="wrong")[11:], encoded(PASSWORD), encoded(USER),
                           PASSWORD.encode()):
                self.assertNotIn(secret.decode(), record)

    @staticmethod
    def record(gateway, cordon):
        text = gateway.ctl("cordon", "show", cordon)
        return text if "NOOP last" in text else None


if __name__ == "__main__":
    unittest.main()
