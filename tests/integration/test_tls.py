"""TLS towards clients: STARTTLS and implicit, what is refused, what a handshake may take, certificates
by name and by reload."""

import re
import shutil
import socket
import ssl
import subprocess
import time
import unittest
import warnings

from house import PATIENCE, eventually, message, without_trace
from secure import (Raw, SecureHouse, SecureRaw, UpgradedRaw, extensions, without_verifying)
from test_sessions import FileGateway

STARTTLS = "listener.0.tls=starttls"
IMPLICIT = "listener.0.tls=implicit"
REQUIRED = "listener.0.tls=required"


def field_of(house):
    """The Received field of the one message that arrived."""
    content = eventually(house.sink.messages, "it arrives")[0][2]
    return re.sub(r"\s+", " ", content.decode().partition("\r\nFrom:")[0])


class Offered(unittest.TestCase):
    def test_starttls_is_offered_in_plain_only_and_the_trace_tells_of_it(self):
        with SecureHouse(STARTTLS) as house:
            with house.gateway.client() as session:
                self.assertIn("starttls", extensions(session))
                session.starttls(context=house.context())
                self.assertNotIn("starttls", extensions(session))
                session.sendmail("anna@in.example", ["bert@in.example"], message("secret"))
                version, cipher = session.sock.version(), session.sock.cipher()[0]
            field = field_of(house)
            self.assertIn(" with ESMTPS id ", field)
            self.assertIn(f" tls {cipher} ({version});", field)
            self.assertEqual(message("secret"), without_trace(house.sink.messages()[0][2]))

    def test_implicit_tls_comes_before_the_greeting(self):
        with SecureHouse(IMPLICIT) as house:
            with house.implicit() as session:
                self.assertNotIn("starttls", extensions(session))
                session.sendmail("anna@in.example", ["bert@in.example"], message("secret"))
            self.assertIn(" with ESMTPS id ", field_of(house))

    def test_without_a_word_of_tls_a_plain_session_is_as_ever(self):
        with SecureHouse(STARTTLS) as house:
            house.gateway.send("anna@in.example", ["bert@in.example"], message("plain"))
            field = field_of(house)
            self.assertIn(" with ESMTP id ", field)
            self.assertNotIn("tls", field)

    def test_where_it_is_required_there_is_no_mail_before_it(self):
        with SecureHouse(REQUIRED) as house:
            with house.gateway.client() as session:
                session.ehlo()
                code, text = session.mail("anna@in.example")
                self.assertEqual((530, b"5.7.0"), (code, text[:5]))
                session.starttls(context=house.context())
                session.sendmail("anna@in.example", ["bert@in.example"], message("secret"))
            eventually(house.sink.messages, "it arrives")

    def test_under_tls_the_client_is_a_stranger_again(self):
        with SecureHouse(STARTTLS) as house:
            with UpgradedRaw(house.gateway.port, house.context()) as raw:
                self.assertEqual(b"503", raw.command(b"MAIL FROM:<anna@in.example>")[:3])
                self.assertEqual(b"250", raw.command(b"EHLO client.example")[:3])
                self.assertEqual(b"250", raw.command(b"MAIL FROM:<anna@in.example>")[:3])


class Injection(unittest.TestCase):
    def test_commands_in_plain_behind_starttls_are_never_obeyed(self):
        """RFC 3207 6, and CVE-2011-0411 in others."""
        wire = (b"EHLO c.example\r\nSTARTTLS\r\nMAIL FROM:<eve@in.example>\r\n"
                b"RCPT TO:<smuggled@in.example>\r\nDATA\r\nSubject: smuggled\r\n\r\n.\r\n")
        with SecureHouse(STARTTLS) as house:
            with Raw(house.gateway.port) as raw:
                raw.send(wire)
                codes = [reply[:3] for reply in raw.rest()]
                self.assertEqual([b"220", b"250"], codes[:2])
                self.assertNotIn(b"220", codes[2:])
                self.assertTrue(all(code[:1] in (b"4", b"5") for code in codes[2:]), codes)
            house.gateway.send("anna@in.example", ["after@in.example"], message("after"))
            eventually(house.sink.messages, "a good one arrives")
            self.assertEqual(["after@in.example"], house.sink.recipients())

    def test_what_lies_unread_in_the_socket_never_becomes_a_command(self):
        """The 220 has been read, so it is no longer input that lay behind STARTTLS; but what the
        client sends in plain now is no handshake."""
        with SecureHouse(STARTTLS) as house:
            with Raw(house.gateway.port) as raw:
                raw.dialogue(b"EHLO c.example", b"STARTTLS")
                raw.send(b"NOOP\r\nMAIL FROM:<eve@in.example>\r\n")
                try:
                    said = b"".join(raw.rest())
                except ConnectionResetError:
                    said = b""
                self.assertNotIn(b"250", said)
            eventually(lambda: "tls.failed" in house.gateway.log(), "it is told")


class Protocol(unittest.TestCase):
    def test_old_versions_are_refused_and_new_ones_taken(self):
        cases = {ssl.TLSVersion.TLSv1_1: False, ssl.TLSVersion.TLSv1_2: True,
                 ssl.TLSVersion.TLSv1_3: True}
        with SecureHouse(IMPLICIT) as house, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for version, fine in cases.items():
                with self.subTest(version.name):
                    context = without_verifying(version)
                    if not fine:
                        with self.assertRaises(OSError):
                            SecureRaw(house.gateway.port, context)
                        continue
                    with SecureRaw(house.gateway.port, context) as raw:
                        self.assertEqual(b"220", raw.reply()[:3])
                        self.assertEqual(version.name, raw.socket.version().replace(".", "_"))
            self.assertRegex(house.gateway.log(), "tls.failed.*unsupported protocol")

    def test_only_ciphers_with_forward_secrecy_and_authentication_are_taken(self):
        """RFC 9325 4.2."""
        with SecureHouse(IMPLICIT) as house:
            for cipher, fine in {"ECDHE-ECDSA-AES128-GCM-SHA256": True,
                                 "ECDHE-ECDSA-CHACHA20-POLY1305": True,
                                 "ECDHE-ECDSA-AES128-SHA256": False}.items():
                with self.subTest(cipher):
                    context = without_verifying(ssl.TLSVersion.TLSv1_2)
                    context.set_ciphers(cipher)
                    if fine:
                        SecureRaw(house.gateway.port, context).socket.close()
                    else:
                        with self.assertRaises(OSError):
                            SecureRaw(house.gateway.port, context)

    def test_a_client_of_another_protocol_is_refused_in_the_handshake(self):
        """ALPACA: a browser that was sent here says by ALPN that it speaks HTTP."""
        with SecureHouse(IMPLICIT) as house:
            for protocols, fine in ((["h2", "http/1.1"], False), (["http/1.1", "smtp"], True)):
                with self.subTest(protocols):
                    context = without_verifying()
                    context.set_alpn_protocols(protocols)
                    if fine:
                        with SecureRaw(house.gateway.port, context) as raw:
                            self.assertEqual("smtp", raw.socket.selected_alpn_protocol())
                    else:
                        with self.assertRaises(OSError):
                            SecureRaw(house.gateway.port, context)

    def test_a_session_is_resumed_by_ticket(self):
        with SecureHouse(IMPLICIT) as house:
            context = house.context()
            with SecureRaw(house.gateway.port, context) as raw:
                raw.dialogue(b"NOOP")  # what comes after the handshake brings the ticket
                ticket = raw.socket.session
            plain = socket.create_connection(("127.0.0.1", house.gateway.port), PATIENCE)
            with context.wrap_socket(plain, server_hostname="gw.example", session=ticket) as again:
                self.assertTrue(again.session_reused)
                self.assertEqual(b"220", again.recv(3))


class Records(unittest.TestCase):
    """TLS cuts what is sent in its own way; nothing may depend on it."""

    def test_a_handshake_and_a_session_an_octet_at_a_time(self):
        with SecureHouse(IMPLICIT) as house:
            wire = socket.create_connection(("127.0.0.1", house.gateway.port), PATIENCE)
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = house.context().wrap_bio(incoming, outgoing, server_hostname="gw.example")

            def whole(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        send()
                        incoming.write(wire.recv(65536))

            def send():
                for octet in outgoing.read():
                    wire.sendall(bytes([octet]))

            with wire:
                whole(tls.do_handshake)
                send()
                self.assertEqual(b"220", whole(lambda: tls.read(1000))[:3])
                tls.write(b"EHLO client.example\r\nNOOP\r\n")
                send()
                self.assertEqual(b"250", whole(lambda: tls.read(1000))[:3])

    def test_many_commands_in_one_record_and_one_command_in_many(self):
        with SecureHouse(IMPLICIT) as house, SecureRaw(house.gateway.port, house.context()) as raw:
            raw.reply()
            raw.send(b"EHLO c.example\r\n" + b"RSET\r\n" * 50)
            self.assertEqual([b"250"] * 51, [raw.reply()[:3] for _ in range(51)])
            for octet in b"MAIL FROM:<anna@in.example>\r\n":
                raw.send(bytes([octet]))
            self.assertEqual(b"250", raw.reply()[:3])

    def test_25_mebibytes_arrive_as_they_were_sent(self):
        lines = b"".join(b".%07d 0123456789abcdefghijklmnopqrstuvwxyz\r\n" % n
                         for n in range(25 * 1024 * 1024 // 46))
        content = message("large").replace(b"Hello\r\n", lines)
        with SecureHouse(STARTTLS) as house:
            with house.upgraded() as session:
                session.sendmail("anna@in.example", ["bert@in.example"], content)
            arrived = eventually(house.sink.messages, "it arrives")[0][2]
            self.assertTrue(content == without_trace(arrived), "it is another one")


class Time(unittest.TestCase):
    def test_a_client_that_does_not_shake_hands_loses_its_slot(self):
        with SecureHouse(IMPLICIT, "limits.command_timeout=1s") as house:
            with socket.create_connection(("127.0.0.1", house.gateway.port), PATIENCE) as silent:
                self.assertEqual(b"", silent.recv(100))
            eventually(lambda: "no TLS handshake in time" in house.gateway.log(), "it is told")

    def test_nor_after_starttls(self):
        with SecureHouse(STARTTLS, "limits.command_timeout=1s") as house:
            with Raw(house.gateway.port) as raw:
                raw.dialogue(b"EHLO c.example", b"STARTTLS")
                self.assertEqual([], raw.rest())
            eventually(lambda: "no TLS handshake in time" in house.gateway.log(), "it is told")

    def test_an_idle_session_is_told_under_tls_and_closed_with_close_notify(self):
        with SecureHouse(IMPLICIT, "limits.command_timeout=1s") as house:
            context = house.context()
            # Else Python takes an end without close_notify for one with it.
            context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
            plain = socket.create_connection(("127.0.0.1", house.gateway.port), PATIENCE)
            with context.wrap_socket(plain, server_hostname="gw.example",
                                     suppress_ragged_eofs=False) as session:
                said = b""
                while octets := session.recv(1000):
                    said += octets
            self.assertRegex(said, rb"^220 .*\r\n421 4\.4\.2 .*\r\n$")

    def test_a_clean_stop_is_told_under_tls(self):
        with SecureHouse(IMPLICIT) as house, SecureRaw(house.gateway.port, house.context()) as raw:
            raw.dialogue(b"EHLO c.example")
            shaking = socket.create_connection(("127.0.0.1", house.gateway.port), PATIENCE)
            with shaking:
                eventually(lambda: house.gateway.log().count("session.began") == 2, "it is in")
                began = time.monotonic()
                self.assertEqual(0, house.gateway.stop())
                self.assertLess(time.monotonic() - began, 10)
            self.assertTrue(raw.reply().startswith(b"421 4.3.2 "))

    def test_clients_that_leave_at_any_point_harm_nothing(self):
        with SecureHouse(IMPLICIT) as house:
            context = house.context()
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="gw.example")
            with self.assertRaises(ssl.SSLWantReadError):
                tls.do_handshake()
            hello = outgoing.read()
            for octets in (b"", b"\x16", hello[:50], hello, b"GET / HTTP/1.1\r\n\r\n",
                           b"\x00" * 600):
                with socket.create_connection(("127.0.0.1", house.gateway.port)) as some:
                    some.sendall(octets)
            for _ in range(3):
                with SecureRaw(house.gateway.port, context) as raw:
                    raw.send(b"EHLO c.example\r\n")
                    # Away with a reset, and unread replies.
                    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            with house.implicit() as session:
                self.assertEqual(250, session.noop()[0])
            eventually(lambda: house.gateway.status()["sessions"] == 0, "all are gone")


class Certificates(unittest.TestCase):
    def names(self, house, asked):
        """The names in the certificate that a client gets who asks for the server `asked`."""
        context = house.context()
        context.check_hostname = False
        with SecureRaw(house.gateway.port, context, asked) as raw:
            raw.reply()
            found = raw.socket.getpeercert()["subjectAltName"]
        return {name for kind, name in found if kind == "DNS"}

    def test_the_name_that_is_asked_for_chooses_the_certificate(self):
        with SecureHouse(IMPLICIT) as house:
            self.assertEqual({"gw.example"}, self.names(house, "gw.example"))
            self.assertEqual({"other.example"}, self.names(house, "OTHER.example"))
            self.assertEqual({"gw.example"}, self.names(house, "unknown.example"))
            self.assertEqual({"gw.example"}, self.names(house, None))

    def test_sighup_reads_them_again_and_leaves_sessions_alone(self):
        with SecureHouse(IMPLICIT, start=False) as house:
            gateway = FileGateway(house.gateway.folder, house.sink.port)
            gateway.settings, gateway.port = house.gateway.settings, house.gateway.port
            house.gateway = gateway
            gateway.write("")
            gateway.start()
            with SecureRaw(gateway.port, house.context()) as old:
                old.dialogue(b"EHLO c.example")
                chain, key = house.authority.server("new", "gw.example", "new.example")
                shutil.copy(chain, house.chain)
                shutil.copy(key, house.key)
                gateway.reload("", "settings.reloaded")
                self.assertEqual({"gw.example", "new.example"}, self.names(house, "gw.example"))
                old.send(b"NOOP\r\n")
                self.assertEqual(b"250", old.reply()[:3])

                house.chain.write_text("no certificate")
                gateway.reload("", "settings.refused")
                self.assertIn(f"{house.chain}: ", gateway.log())
                self.assertEqual({"gw.example", "new.example"}, self.names(house, "gw.example"))

    def test_one_that_runs_out_is_told_to_the_operators(self):
        with SecureHouse(IMPLICIT, start=False) as house:
            for days, told in ((20, False), (3, True)):
                chain, key = house.authority.server("ours", "gw.example", days=days)
                house.gateway.start([f"certificate.0.chain={chain}", f"certificate.0.key={key}"])
                line = f"certificate.expires file={chain} days={days - 1}"
                self.assertEqual(told, line in house.gateway.log())
                self.assertEqual(0, house.gateway.stop())

    def test_check_says_what_is_wrong(self):
        with SecureHouse(STARTTLS, start=False) as house:
            def check(*extra):
                done = subprocess.run([*house.gateway.args(extra), "--check"], capture_output=True,
                                      text=True, timeout=PATIENCE)
                return done.returncode, done.stderr

            self.assertEqual((0, ""), check())
            code, said = check(f"certificate.0.key={house.other_key}")
            self.assertEqual(2, code)
            self.assertIn(f"{house.other_key}: does not belong to {house.chain}", said)
            house.key.chmod(0o644)
            code, said = check()
            self.assertEqual(2, code)
            self.assertIn(f"{house.key}: may be read by everybody", said)
            house.gateway.settings = [one for one in house.gateway.settings
                                      if not one.startswith("certificate.")]
            code, said = check()
            self.assertEqual(2, code)
            self.assertIn("listener.0.tls: needs a [[certificate]]", said)


if __name__ == "__main__":
    unittest.main()
