"""AUTH that the real server verifies: the client's own login is tried there while it waits, its mail
leaves by that login later, and the secret is to be found nowhere."""

import base64
import signal
import smtplib
import tempfile
import threading
import unittest
from pathlib import Path

from certificates import Authority
from house import PATIENCE, House, Sink, eventually, free_port, message, without_trace
from secure import SecureHouse
from upstream import CLOSE, Upstream

ANNA, BERT = ("anna@in.example", "s3cret-of-anna"), ("bert@in.example", "s3cret-of-bert")
BAIT = "old.archive@in.example"
INTRUDER = "127.0.0.66"


def plain(user, secret, acting_as=""):
    told = f"{acting_as}\0{user}\0{secret}".encode()
    return "AUTH PLAIN " + base64.b64encode(told).decode()


def bearer(mechanism, user, token):
    if mechanism == "XOAUTH2":
        told = f"user={user}\1auth=Bearer {token}\1\1"
    else:
        told = f"n,a={user},\1auth=Bearer {token}\1\1"
    return f"AUTH {mechanism} " + base64.b64encode(told.encode()).decode()


class Case(unittest.TestCase):
    def upstream(self, **words):
        upstream = Upstream(**{"password": [ANNA, BERT], **words})
        self.upstreams.append(upstream)
        return upstream

    def setUp(self):
        self.upstreams = []
        self.addCleanup(lambda: [upstream.stop() for upstream in self.upstreams])

    def enter(self, upstream, *settings, start=True):
        """A gateway in front of it that speaks plain on both sides; notices go to the sink."""
        house = House("cordoning.period=0s", "delivery.first_retry=1s", "delivery.max_retry=1s",
                      "delivery.jitter=0", "listener.0.auth=offered",
                      "listener.0.auth_verify=upstream", "listener.0.auth_in_plain=true",
                      "route.smarthost.tls=none", "route.smarthost.auth_in_plain=true",
                      "notices.route=notices", start=False)
        self.addCleanup(house.__exit__, None, None, None)
        keys = tempfile.TemporaryDirectory(prefix="cordon-keys-")
        self.addCleanup(keys.cleanup)
        self.keys = Path(keys.name) / "keys"
        house.gateway.settings += [f"route.smarthost.port={upstream.port}",
                                   f"route.notices.port={house.sink.port}",
                                   f"credentials.directory={self.keys}", *settings]
        self.house, self.gateway = house, house.gateway
        if start:
            self.start()
        return house

    def start(self):
        self.gateway.start()
        eventually(self.offered, "the server's AUTH is offered")

    def offered(self, source="127.0.0.1"):
        with self.gateway.client(source) as session:
            session.ehlo()
            return session.esmtp_features.get("auth", "").split()

    def log_in(self, command, source="127.0.0.1"):
        with self.gateway.client(source) as session:
            session.ehlo()
            return session.docmd(command)

    def send_as(self, login, name, source="127.0.0.1"):
        with self.gateway.client(source) as session:
            session.login(*login)
            session.sendmail(login[0], [f"{name}@out.example"], message(name))

    def state(self):
        return sorted(row["queue_name"] for row in self.gateway.rows("queue", "list"))

    def await_needing(self, count=1):
        eventually(lambda: self.state() == ["needs-credentials"] * count, "credentials are needed")

    def assert_sent_as(self, upstream, login, name):
        def found():
            return [(number, content) for number, _, to, content in upstream.messages
                    if to == [f"{name}@out.example"]]
        (number, content), = eventually(found, f"{name} arrives")
        self.assertEqual(message(name), without_trace(content))
        self.assertEqual(login[0], upstream.users[number])


class Login(Case):
    def test_mail_goes_with_the_login_that_it_came_with(self):
        upstream = self.upstream()
        self.enter(upstream)
        for n in range(3):
            self.send_as(ANNA, f"anna{n}")
            self.send_as(BERT, f"bert{n}")
        for n in range(3):
            self.assert_sent_as(upstream, ANNA, f"anna{n}")
            self.assert_sent_as(upstream, BERT, f"bert{n}")
        self.assertIn(f"user={ANNA[0]}", self.gateway.log())

    def test_the_mechanisms_are_those_of_the_server(self):
        for mechanisms, wanted in (("LOGIN CRAM-MD5 SCRAM-SHA-256", ["PLAIN", "LOGIN"]),
                                   ("XOAUTH2", ["XOAUTH2", "OAUTHBEARER"]),
                                   ("PLAIN OAUTHBEARER", ["PLAIN", "LOGIN", "XOAUTH2",
                                                          "OAUTHBEARER"])):
            with self.subTest(mechanisms):
                self.enter(self.upstream(mechanisms=mechanisms))
                self.assertEqual(sorted(wanted), sorted(self.offered()))
        with self.subTest("none"):
            upstream = self.upstream(password=None)
            self.enter(upstream, start=False)
            self.gateway.start()
            eventually(lambda: "upstream.session" in self.gateway.log(), "the server was seen")
            self.assertEqual([], self.offered())

    def test_bearer_tokens_are_passed_on(self):
        upstream = self.upstream(mechanisms="XOAUTH2 OAUTHBEARER")
        self.enter(upstream)
        for name, mechanism in (("one", "XOAUTH2"), ("two", "OAUTHBEARER")):
            with self.gateway.client() as session:
                session.ehlo()
                self.assertEqual(235, session.docmd(bearer(mechanism, *ANNA))[0])
                session.sendmail(ANNA[0], [f"{name}@out.example"], message(name))
            self.assert_sent_as(upstream, ANNA, name)
        with self.gateway.client() as session:
            session.ehlo()
            self.assertEqual(334, session.docmd(bearer("XOAUTH2", ANNA[0], "wrong"))[0])
            self.assertEqual((535, b"5.7.8 Wrong"), session.docmd(""))

    def test_a_refusal_is_passed_on_in_the_words_of_the_server(self):
        self.enter(self.upstream())
        self.assertEqual((535, b"5.7.8 Wrong"), self.log_in(plain(ANNA[0], "wrong")))
        self.assertEqual((535, b"5.7.8 Wrong"), self.log_in(plain("nobody", "wrong")))
        self.assertNotIn("nobody", self.gateway.log())

    def test_a_server_that_cannot_tell_now_is_a_4xx_and_no_failure_of_the_client(self):
        busy = [b"454 4.7.0 The directory is away", CLOSE, b"421 4.3.2 Going down"]
        upstream = self.upstream(AUTH=busy)
        self.enter(upstream, "limits.max_auth_failures_per_minute=1")
        self.assertEqual((454, b"4.7.0 The directory is away"), self.log_in(plain(*ANNA)))
        self.assertEqual(454, self.log_in(plain(*ANNA))[0])
        self.assertEqual(454, self.log_in(plain(*ANNA))[0])
        self.assertEqual(235, self.log_in(plain(*ANNA))[0])
        upstream.stop()
        self.upstreams.clear()
        self.assertEqual(454, self.log_in(plain(*BERT))[0])

    def test_each_login_is_tried_however_many_were_right_before(self):
        upstream = self.upstream()
        self.enter(upstream)
        self.assertEqual(235, self.log_in(plain(*ANNA))[0])
        self.assertEqual(535, self.log_in(plain(ANNA[0], "wrong"))[0])
        self.assertEqual(235, self.log_in(plain(*ANNA))[0])
        self.assertEqual(3, len(upstream.said("AUTH")))

    def test_mail_of_nobody_goes_with_no_login(self):
        upstream = self.upstream(password=None, offers=["AUTH PLAIN LOGIN"])
        self.enter(upstream)
        self.gateway.send("carl@in.example", ["carl@out.example"], message("carl"))
        eventually(lambda: "carl@out.example" in upstream.recipients(), "it arrives")
        self.assertEqual([], upstream.said("AUTH"))

    def test_recipients_are_asked_about_as_whom_the_mail_would_go(self):
        upstream = self.upstream(RCPT=[b"550 5.1.1 No such user"])
        self.enter(upstream, "listener.0.verify_recipients=upstream")
        with self.gateway.client() as session:
            session.login(*ANNA)
            session.mail(ANNA[0])
            self.assertEqual((550, b"5.1.1 No such user"), session.rcpt("typo@out.example"))
            self.assertEqual(250, session.rcpt("carl@out.example")[0])

    def test_what_is_taken_from_one_is_not_known_for_another_whom_only_a_token_names(self):
        nobody, somebody = ("", "token-of-nobody"), ("", "token-of-somebody")
        upstream = self.upstream(mechanisms="OAUTHBEARER", password=[ANNA, nobody, somebody])
        self.enter(upstream, "listener.0.verify_recipients=upstream")
        for login, asked in ((ANNA, 1), (ANNA, 1), (nobody, 2), (somebody, 3)):
            with self.gateway.client() as session:
                session.ehlo()
                self.assertEqual(235, session.docmd(bearer("OAUTHBEARER", *login))[0])
                session.mail(ANNA[0])
                self.assertEqual(250, session.rcpt("carl@out.example")[0])
            self.assertEqual(asked, len(upstream.said("RCPT")))

    def test_a_route_of_others_is_told_no_login(self):
        upstream, other = self.upstream(), self.upstream(password=None, offers=["AUTH PLAIN LOGIN"])
        self.enter(upstream, f"route.other.port={other.port}", "route.other.domains=other.example",
                   "route.other.tls=none", "route.other.auth_in_plain=true")
        with self.gateway.client() as session:
            session.login(*ANNA)
            session.sendmail(ANNA[0], ["carl@other.example", "dora@out.example"], message("both"))
        eventually(lambda: "carl@other.example" in other.recipients(), "it arrives by that route")
        eventually(lambda: "dora@out.example" in upstream.recipients(), "and by its own")
        self.assertEqual([], other.said("AUTH"))

    def test_a_login_wants_tls_on_both_sides_unless_told_otherwise(self):
        with tempfile.TemporaryDirectory(prefix="cordon-keys-") as folder:
            authority = Authority(Path(folder) / "ca")
            certificate = authority.server("mx", "mx.example", "IP:127.0.0.1")
            upstream = self.upstream(certificate=certificate)
            with SecureHouse("listener.0.tls=starttls", "listener.0.auth=required",
                             "listener.0.auth_verify=upstream", "listener.0.password_file=",
                             f"route.smarthost.port={upstream.port}",
                             "route.smarthost.tls=verify",
                             f"route.smarthost.ca_file={authority.file}",
                             f"credentials.directory={folder}/keys") as house:
                self.gateway = house.gateway
                eventually(lambda: "upstream.session" in house.gateway.log(), "it was seen")
                self.assertEqual([], self.offered())
                with house.upgraded() as session:
                    session.login(*ANNA)
                    session.sendmail(ANNA[0], ["one@out.example"], message("one"))
                self.assert_sent_as(upstream, ANNA, "one")
                self.assertEqual({True}, {s for _, s, line in upstream.commands if "AUTH" in line})

    def test_a_password_is_not_sent_in_plain_unless_told_so(self):
        upstream = self.upstream()
        self.enter(upstream, "route.smarthost.auth_in_plain=false")
        self.assertEqual(454, self.log_in(plain(*ANNA))[0])
        self.assertEqual([], upstream.said("AUTH"))
        # That is no reason to take the server for away.
        self.gateway.send("carl@in.example", ["carl@in.example"], message("carl"))
        eventually(lambda: upstream.said("MAIL"), "mail of others is tried")


class Kept(Case):
    """Between the 250 and the delivery."""

    def test_a_kill_between_acceptance_and_delivery_loses_no_login(self):
        upstream = self.upstream()
        self.enter(upstream, "cordoning.period=3s")
        self.send_as(ANNA, "one")
        self.gateway.kill()
        self.gateway.start()
        self.assert_sent_as(upstream, ANNA, "one")

    def test_the_secret_is_nowhere(self):
        upstream = self.upstream()
        self.enter(upstream, "cordoning.period=1h", "log.level=debug")
        self.send_as(ANNA, "one")
        self.assertEqual(535, self.log_in(plain(ANNA[0], "wrong-of-anna"))[0])
        id_ = self.gateway.rows("queue", "list")[0]["queue_id"]
        shown = self.gateway.ctl("queue", "show", id_, "--json") + self.gateway.ctl("queue", "list")
        self.assertIn(ANNA[0], shown)
        self.gateway.stop()
        files = [path for folder in (self.gateway.folder, self.keys)
                 for path in folder.rglob("*") if path.is_file()]
        self.assertIn("cordon.db", {path.name for path in files})
        everything = shown.encode() + b"".join(path.read_bytes() for path in files)
        for secret in (ANNA[1], "wrong-of-anna"):
            for form in (secret, f"\0{ANNA[0]}\0{secret}"):
                self.assertNotIn(form.encode(), everything)
                self.assertNotIn(base64.b64encode(form.encode()), everything)

    def test_without_its_key_a_message_waits_until_its_user_logs_in(self):
        upstream = self.upstream()
        self.enter(upstream, "cordoning.period=3s")
        self.send_as(ANNA, "one")
        self.send_as(BERT, "two")
        self.gateway.kill()
        for path in self.keys.iterdir():
            path.unlink()  # as a restored backup has it
        self.gateway.start()
        self.await_needing(2)
        eventually(lambda: self.gateway.log().count("message.needs_credentials") >= 2, "it is told")
        self.assertEqual([], upstream.messages)
        eventually(self.offered, "AUTH is offered")
        self.assertEqual(535, self.log_in(plain(ANNA[0], "wrong"))[0])
        self.assertEqual(235, self.log_in(plain(*ANNA))[0])
        self.assert_sent_as(upstream, ANNA, "one")
        self.await_needing(1)
        self.assertEqual(235, self.log_in(plain(*BERT))[0])
        self.assert_sent_as(upstream, BERT, "two")
        eventually(lambda: not self.state(), "all is delivered")

    def test_after_a_change_of_the_password_nothing_is_tried_until_the_new_one_is_known(self):
        upstream = self.upstream()
        self.enter(upstream, "cordoning.period=2s", "route.smarthost.idle_timeout=1s")
        for n in range(5):
            self.send_as(ANNA, f"one{n}")
        tried = len(upstream.said("AUTH"))
        new = (ANNA[0], "new-of-anna")
        upstream.password = [new, BERT]
        upstream.close_connections()
        self.await_needing(5)
        # Each failure at the server brings the user nearer to being locked out there.
        self.assertLessEqual(len(upstream.said("AUTH")), tried + 2)
        self.assertEqual(235, self.log_in(plain(*new))[0])
        for n in range(5):
            self.assert_sent_as(upstream, new, f"one{n}")

    def test_a_new_password_is_known_to_all_that_waits_before_the_old_one_is_tried(self):
        upstream = self.upstream()
        self.enter(upstream, "cordoning.period=5s", "route.smarthost.idle_timeout=1s")
        for n in range(3):
            self.send_as(ANNA, f"one{n}")
        new = (ANNA[0], "new-of-anna")
        upstream.password = [new, BERT]
        self.assertEqual(235, self.log_in(plain(*new))[0])
        for n in range(3):
            self.assert_sent_as(upstream, new, f"one{n}")
        self.assertNotIn("message.needs_credentials", self.gateway.log())
        self.assertEqual(3, self.gateway.log().count("message.credentials_renewed"))
        # Once it is known, another login has nothing to do.
        self.send_as(new, "two")
        self.assertEqual(235, self.log_in(plain(*new))[0])
        self.assert_sent_as(upstream, new, "two")
        self.assertEqual(3, self.gateway.log().count("message.credentials_renewed"))

    def test_a_login_by_another_listener_of_the_route_counts(self):
        upstream = self.upstream()
        port = free_port()
        self.enter(upstream, "cordoning.period=1s", "delivery.first_retry=1h",
                   "delivery.max_retry=1h", "listener.1.name=other",
                   f"listener.1.address=127.0.0.1:{port}", "listener.1.auth=offered",
                   "listener.1.auth_verify=upstream", "listener.1.auth_in_plain=true")
        self.send_as(ANNA, "one")
        new = (ANNA[0], "new-of-anna")
        upstream.password = [new]
        upstream.close_connections()
        self.await_needing()
        with smtplib.SMTP("127.0.0.1", port, "client.example", PATIENCE) as session:
            session.login(*new)
        self.assert_sent_as(upstream, new, "one")

    def test_a_login_during_an_attempt_counts(self):
        upstream = self.upstream()
        other = self.upstream(password=None)
        self.enter(upstream, "cordoning.period=1s", "delivery.first_retry=1h",
                   "delivery.max_retry=1h", "route.other.host=127.0.0.1",
                   f"route.other.port={other.port}", "route.other.tls=none",
                   "route.other.domains=other.example")
        upstream.script["AUTH"] = [b"235 2.7.0 Yes"]
        with self.gateway.client() as session:
            session.login(ANNA[0], "old")
            session.sendmail(ANNA[0], ["one@out.example", "one@other.example"], message("one"))
        asked, answered = threading.Event(), threading.Event()
        other.on_rcpt = lambda to: asked.set()
        other.script["RCPT"] = [answered]
        self.assertTrue(asked.wait(PATIENCE), "the attempt is under way")
        eventually(lambda: len(upstream.said("AUTH")) > 1, "the old secret was refused")
        self.assertEqual(235, self.log_in(plain(*ANNA))[0])
        eventually(lambda: "message.credentials_renewed" in self.gateway.log(), "it is renewed")
        answered.set()
        self.assert_sent_as(upstream, ANNA, "one")

    def test_a_refusal_that_may_pass_is_no_reason_to_forget_the_login(self):
        upstream = self.upstream()
        self.enter(upstream, "cordoning.period=1s")
        self.send_as(ANNA, "one")
        upstream.script["AUTH"] = [b"454 4.7.0 The directory is away"]
        upstream.close_connections()
        self.assert_sent_as(upstream, ANNA, "one")
        self.assertNotIn("message.needs_credentials", self.gateway.log())

    def test_a_message_that_nobody_logs_in_for_is_returned_in_the_end(self):
        upstream = self.upstream()
        self.enter(upstream, "cordoning.period=1s", "delivery.queue_lifetime=6s")
        self.send_as(ANNA, "one")
        upstream.password = [BERT]
        upstream.close_connections()
        self.await_needing()
        sender, recipients, content = eventually(self.house.sink.messages, "it is returned")[0]
        self.assertEqual(("<>", [ANNA[0]]), (sender, recipients))
        self.assertIn(b"one@out.example", content)
        self.assertNotIn(ANNA[1].encode(), content)
        eventually(lambda: not self.state(), "nothing is left")

    def test_no_key_outlives_its_message(self):
        upstream = self.upstream()
        self.enter(upstream, "cordoning.period=1s")
        for n in range(4):
            self.send_as(ANNA, f"one{n}")
        for n in range(4):
            self.assert_sent_as(upstream, ANNA, f"one{n}")
        eventually(lambda: not self.state(), "all is delivered")
        self.gateway.stop()
        records = (self.keys / "cordon.keys").read_bytes()[64:]
        self.assertEqual(b"", records.strip(b"\0"))


class Cordoned(Case):
    def test_a_cordoned_origin_is_answered_alike_and_its_mail_stays(self):
        upstream = self.upstream()
        self.enter(upstream)
        self.gateway.ctl("bait", "add", BAIT)
        said = {}
        for source in (INTRUDER, "127.0.0.7"):
            rcpt = BAIT if source == INTRUDER else BAIT.replace("old", "new")
            with self.gateway.client(source) as session:
                told = [session.ehlo(), session.docmd(plain(*ANNA)), session.mail(ANNA[0]),
                        session.rcpt(rcpt), session.rset()]
            with self.gateway.client(source) as session:
                told += [session.ehlo(), session.docmd(plain(ANNA[0], "wrong")),
                         session.docmd(plain(*BERT)), session.mail(BERT[0]),
                         session.rcpt("carl@out.example"),
                         session.data(message(source))[0]]
            said[source] = told
        self.assertEqual(said["127.0.0.7"], said[INTRUDER])
        eventually(lambda: [m for m in upstream.messages], "the honest one's mail leaves")
        self.assertIn(b"127.0.0.7", upstream.messages[0][3])
        self.assertEqual(1, len(self.gateway.rows("quarantine", "list")))
        self.assertEqual(1, len(upstream.messages))

    def test_a_bait_to_log_in_with_proves_an_intruder_and_is_not_sent_upstream(self):
        upstream = self.upstream()
        self.enter(upstream)
        self.gateway.ctl("bait", "add", BAIT)
        honest = self.log_in(plain("new.archive@in.example", "guess"), "127.0.0.7")
        self.assertEqual(honest, self.log_in(plain(BAIT, "guess"), INTRUDER))
        self.assertEqual(2, len(upstream.said("AUTH")))
        told = "".join(base64.b64decode(line.split()[2]).decode() for line in upstream.said("AUTH"))
        self.assertIn("new.archive@", told)
        self.assertNotIn("old.archive", told)
        alert = eventually(lambda: self.gateway.rows("alert", "list"), "an alert")[0]
        self.assertEqual("auth", alert["place"])
        cordon = self.gateway.rows("cordon", "list")[0]
        self.assertEqual("enforced", cordon["kind"])
        self.assertNotIn("old.archive", self.gateway.log())
        self.send_as(ANNA, "stays", INTRUDER)
        self.assertEqual(1, len(self.gateway.rows("quarantine", "list")))

    def test_a_bait_is_answered_alike_in_whatever_form_and_by_whatever_server(self):
        upstream = self.upstream(mechanisms="LOGIN")
        self.enter(upstream)
        self.gateway.ctl("bait", "add", "local:old.archive")
        for form in ("{}", " {}", "<{}>", "CORP\\{}", "{}@in.example"):
            for acting_as in ("", "zz"):
                with self.subTest(form, acting_as=acting_as):
                    said = [self.log_in(plain(form.format(name), "guess", acting_as), source)
                            for name, source in (("new.archive", "127.0.0.7"),
                                                 ("old.archive", INTRUDER))]
                    self.assertEqual(454 if acting_as else 535, said[0][0])
                    self.assertEqual(said[0], said[1])
        self.assertEqual(10, self.gateway.log().count("place=auth"))

    def test_a_released_message_goes_with_its_login(self):
        upstream = self.upstream()
        self.enter(upstream)
        self.gateway.ctl("bait", "add", BAIT)
        self.log_in(plain(BAIT, "guess"), INTRUDER)
        self.send_as(ANNA, "one", INTRUDER)
        id_ = self.gateway.rows("quarantine", "list")[0]["queue_id"]
        self.gateway.ctl("quarantine", "release", id_, "--yes")
        self.assert_sent_as(upstream, ANNA, "one")


if __name__ == "__main__":
    unittest.main()
