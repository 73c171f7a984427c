"""nginx's mail proxy in front of Cordon, telling who the client is: by XCLIENT and by PROXY headers."""

import shutil
import smtplib
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from house import PATIENCE, House, Process, eventually, free_port, message, port_open, without_trace

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
MAIL_MODULE = Path("/usr/lib/nginx/modules/ngx_mail_module.so")

CONFIGURATION = """
daemon off;
master_process off;
load_module {module};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
mail {{
  server_name proxy.example;
  auth_http 127.0.0.1:{auth_port}/;
  server {{
    listen 127.0.0.1:{port};
    protocol smtp;
    smtp_capabilities "SIZE 0" 8BITMIME;
    {directives}
  }}
}}
"""


class Permission(BaseHTTPRequestHandler):
    """What nginx asks before it passes a session on: everybody may, to the port of the server."""

    def do_GET(self):
        self.send_response(200)
        for name, value in (("Auth-Status", "OK"), ("Auth-Server", "127.0.0.1"),
                            ("Auth-Port", str(self.server.gateway_port))):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


class Nginx:
    def __init__(self, gateway_port, directives):
        self.folder = Path(tempfile.mkdtemp(prefix="cordon-nginx-"))
        self.port = free_port()
        self.permission = HTTPServer(("127.0.0.1", 0), Permission)
        self.permission.gateway_port = gateway_port
        threading.Thread(target=self.permission.serve_forever, daemon=True).start()
        configuration = self.folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(
            module=MAIL_MODULE, folder=self.folder, port=self.port, directives=directives,
            auth_port=self.permission.server_port))
        self.process = Process([NGINX, "-c", configuration, "-e", self.folder / "error.log"],
                               self.folder / "nginx.log")
        eventually(lambda: port_open(self.port), "nginx listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        self.permission.shutdown()
        self.permission.server_close()
        shutil.rmtree(self.folder)

    def client(self, source):
        return smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.example",
                            timeout=PATIENCE, source_address=(source, 0))


@unittest.skipUnless(MAIL_MODULE.exists(), "nginx's mail module is not installed")
class BehindNginx(unittest.TestCase):
    def trace_of(self, house, directives, user=None):
        """Sends a message as 127.0.0.9 through nginx; the Received field that it got."""
        content = message("through nginx", "..\r\nMAIL FROM:<x@in.example>\r\n")
        with Nginx(house.gateway.port, directives) as nginx, nginx.client("127.0.0.9") as session:
            if user:
                session.login(user, "any")
            session.sendmail("anna@in.example", ["bert@in.example"], content)
        eventually(house.sink.messages, "it arrives")
        [(_, _, arrived)] = house.sink.messages()
        self.assertEqual(content, without_trace(arrived))
        return arrived[:-len(content)]

    def test_xclient_tells_the_client(self):
        with House("listener.0.xclient=127.0.0.1/32", "cordoning.period=0s") as house:
            trace = self.trace_of(house, "xclient on; smtp_auth none;")
            self.assertIn(b"([127.0.0.9])", trace)
            self.assertIn(b"with ESMTP ", trace)

    def test_xclient_tells_who_the_proxy_let_in(self):
        with House("listener.0.xclient=127.0.0.1/32", "cordoning.period=0s") as house:
            trace = self.trace_of(house, "xclient on; smtp_auth plain;", user="anna")
            self.assertIn(b"([127.0.0.9])", trace)
            self.assertIn(b"with ESMTPA ", trace)

    def test_a_client_behind_the_proxy_cannot_become_another(self):
        """nginx passes on what its client says: from the first recipient on, or once it has let it
        in, even if it never greeted."""
        auth = "AUTH PLAIN AGFubmEAYW55"
        openings = {
            "127.0.0.9": ("none", ["EHLO a.example", "MAIL FROM:<a@in.example>",
                                   "RCPT TO:<b@in.example>", "RSET"]),
            "127.0.0.10": ("plain", ["EHLO a.example", auth]),
            "127.0.0.11": ("plain", [auth]),
        }
        with House("listener.0.xclient=127.0.0.1/32", "cordoning.period=1h") as house:
            gateway = house.gateway
            gateway.ctl("bait", "add", "bait@in.example")
            for address, (mode, opening) in openings.items():
                with self.subTest(address), \
                        Nginx(gateway.port, f"xclient on; smtp_auth {mode};") as nginx, \
                        nginx.client(address) as session:
                    for line in opening:
                        self.assertEqual(2, session.docmd(line)[0] // 100, line)
                    for told in ("ADDR=192.0.2.66", "LOGIN=root", "ADDR=[UNAVAILABLE]"):
                        session.docmd("XCLIENT " + told)
                    offer = session.docmd("EHLO again.example")[1]
                    self.assertNotIn(b"XCLIENT", offer)
                    self.assertEqual(550, session.docmd("XCLIENT ADDR=192.0.2.66")[0])
                    for line in ("MAIL FROM:<a@in.example>", "RCPT TO:<bait@in.example>"):
                        self.assertEqual(250, session.docmd(line)[0])
            self.assertEqual(set(openings),
                             {row["origin"] for row in gateway.rows("cordon", "list")})

    def test_a_proxy_header_tells_the_client(self):
        with House("listener.0.proxy_protocol=127.0.0.1/32", "cordoning.period=0s") as house:
            trace = self.trace_of(house, "xclient off; proxy_protocol on; smtp_auth none;")
            self.assertIn(b"([127.0.0.9])", trace)

    def test_who_is_not_listed_is_not_believed(self):
        with House("listener.0.xclient=192.0.2.0/24", "cordoning.period=0s") as house:
            with Nginx(house.gateway.port, "xclient on; smtp_auth none;") as nginx:
                with nginx.client("127.0.0.9") as session:
                    session.ehlo()
                    with self.assertRaises(smtplib.SMTPException):
                        session.sendmail("anna@in.example", ["bert@in.example"], message("never"))
            self.assertNotIn("127.0.0.9", house.gateway.log())


if __name__ == "__main__":
    unittest.main()
