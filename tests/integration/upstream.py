"""A small scripted SMTP server in the real server's place: it misbehaves on order."""

import base64
import socket
import ssl
import threading

from house import PATIENCE

# What may be scripted instead of a reply.
CLOSE = object()    # closes the connection without a word
SILENCE = object()  # says nothing more until the other side gives up


class Half(bytes):
    """Octets of a reply that never ends."""


class Last(bytes):
    """A reply, and then the connection is closed."""


class Upstream:
    """Takes mail like any server, but the first answers to each of the events "connect", "EHLO",
    "STARTTLS", "TLS" (the handshake), "AUTH", "XCLIENT", "MAIL", "RCPT", "DATA", "content" (the
    first line of it), "dot", "RSET" and "QUIT" can be scripted:

        Upstream(MAIL=[b"421 4.3.2 later"], dot=[CLOSE])

    An Event among them is waited for before the usual answer is given. A positive answer has the
    effect of the usual one.

    `certificate` (chain, key) gives it TLS: by STARTTLS, or from the beginning if `implicit`. With a
    `password` (user, password), or a list of such, it takes mail only after AUTH with one; a token
    counts as one. `proxy`: each connection begins with a PROXY header.

    A message counts as taken only if its final dot was answered with 250."""

    def __init__(self, certificate=None, implicit=False, password=None, mechanisms="PLAIN LOGIN",
                 offers=("PIPELINING", "8BITMIME"), proxy=False, address="127.0.0.1", port=0,
                 **script):
        self.script = {event: list(answers) for event, answers in script.items()}
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.implicit = implicit
        self.password = password
        self.mechanisms = mechanisms
        self.offers = offers
        self.proxy = proxy
        self.messages = []     # (number of the connection, sender, [recipients], content)
        self.commands = []     # (number of the connection, under TLS?, line)
        self.headers = []      # PROXY headers
        self.users = {}        # who is logged in, by number of the connection
        self.connections = 0
        self.on_rcpt = lambda to: None  # told of each, whatever becomes of it
        self.listener = socket.create_server((address, port))
        self.port = self.listener.getsockname()[1]
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.close_connections()

    def close_connections(self):
        """Hangs up on everybody; returns when that is done."""
        for session in list(self.open):
            try:
                session.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it went away by itself

    def said(self, word):
        """The commands that began with it."""
        return [line for _, _, line in self.commands if line.startswith(word)]

    def recipients(self):
        return [to for _, _, recipients, _ in self.messages for to in recipients]

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection, self.connections),
                             daemon=True).start()

    def serve(self, connection, number):
        connection.settimeout(PATIENCE)
        session = Session(self, connection, number)
        self.open.add(session)
        try:
            session.run()
        except OSError:
            pass  # the other side went away
        finally:
            self.open.discard(session)
            session.connection.close()


class Session:
    def __init__(self, upstream, connection, number):
        self.upstream = upstream
        self.connection = connection
        self.lines = connection.makefile("rb")
        self.number = number
        self.secured = False
        self.authenticated = upstream.password is None
        self.sender = None
        self.recipients = []

    def run(self):
        if self.upstream.proxy:
            self.upstream.headers.append(self.lines.readline().decode().rstrip())
        if self.upstream.implicit and not self.start_tls():
            return
        if not self.answer("connect", b"220 mx.example ESMTP"):
            return
        while line := self.lines.readline():
            self.upstream.commands.append((self.number, self.secured,
                                           line.decode(errors="replace").rstrip()))
            word = line.split()[0].upper().decode(errors="replace") if line.split() else ""
            if not self.command(word, line):
                return

    def command(self, word, line):
        """False ends the session."""
        if word == "EHLO":
            return self.answer("EHLO", b"\r\n".join(self.offer()))
        if word == "STARTTLS":
            begun = []
            return self.answer("STARTTLS", b"220 2.0.0 Go", then=lambda: begun.append(True)) and (
                not begun or self.start_tls())
        if word == "AUTH":
            if self.upstream.script.get("AUTH"):
                return self.answer("AUTH", b"", then=self.trust)
            return self.authenticate(line)
        if word == "XCLIENT":
            return self.answer("XCLIENT", b"220 mx.example ESMTP")
        if word == "QUIT":
            self.answer("QUIT", b"221 2.0.0 Bye")
            return False
        if word == "MAIL":
            self.sender, self.recipients = None, []
            if not self.authenticated:
                return self.say(b"530 5.7.0 Authentication required")
            return self.answer("MAIL", b"250 2.1.0 Ok", then=lambda: self.begin(self.path(line)))
        if word == "RCPT":
            if self.sender is None:
                return self.say(b"503 5.5.1 No MAIL")
            self.upstream.on_rcpt(self.path(line))
            return self.answer("RCPT", b"250 2.1.5 Ok",
                               then=lambda: self.recipients.append(self.path(line)))
        if word == "DATA":
            if not self.recipients:
                return self.say(b"503 5.5.1 No recipients")
            content = []
            return self.answer("DATA", b"354 Go on", then=lambda: content.append(b"")) and (
                not content or self.content())
        if word == "RSET":
            self.sender, self.recipients = None, []
            return self.answer("RSET", b"250 2.0.0 Ok")
        return self.say(b"250 2.0.0 Ok")

    def offer(self):
        words = list(self.upstream.offers)
        if self.upstream.context and not self.secured:
            words.append("STARTTLS")
        if self.upstream.password:
            words.append(f"AUTH {self.upstream.mechanisms}")
        lines = ["mx.example", *words]
        return [f"250{' ' if line is lines[-1] else '-'}{line}".encode() for line in lines]

    def start_tls(self):
        """False if the handshake failed, or was scripted to."""
        script = self.upstream.script.get("TLS")
        if script:
            scripted = script.pop(0)
            if isinstance(scripted, bytes):  # not before TLS has begun
                self.connection.recv(1, socket.MSG_PEEK)
                self.connection.sendall(scripted)
            if scripted is SILENCE:
                while self.connection.recv(65536):
                    pass
            return False
        self.connection = self.upstream.context.wrap_socket(self.connection, server_side=True)
        self.lines = self.connection.makefile("rb")
        self.secured = True
        return True

    def authenticate(self, line):
        """PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER, with an initial response or without."""
        words = line.decode().split()
        mechanism = words[1].upper()
        if mechanism == "LOGIN":
            user = self.challenge(b"VXNlcm5hbWU6")
            told = user.decode() + ":" + self.challenge(b"UGFzc3dvcmQ6").decode()
        else:
            response = base64.b64decode(words[2]) if len(words) > 2 else self.challenge(b"")
            fields = response.decode().split("\0" if mechanism == "PLAIN" else "\1")
            if mechanism == "PLAIN":
                told = ":".join(fields[1:])
            else:
                told = ":".join([fields[0].split("=")[1].rstrip(","), fields[1].split(" ")[1]])
        known = self.upstream.password
        if told in [":".join(one) for one in (known if isinstance(known, list) else [known])]:
            self.authenticated = True
            self.upstream.users[self.number] = told.split(":")[0]
            return self.say(b"235 2.7.0 Yes")
        if mechanism in ("XOAUTH2", "OAUTHBEARER"):
            self.challenge(b"eyJzdGF0dXMiOiI0MDEifQ==")
        return self.say(b"535 5.7.8 Wrong")

    def trust(self):
        self.authenticated = True

    def challenge(self, text):
        self.say(b"334 " + text)
        return base64.b64decode(self.lines.readline())

    def begin(self, sender):
        self.sender = sender

    def content(self):
        content = bytearray()
        while (line := self.lines.readline()) != b".\r\n":
            if not line:
                return False
            if not content and not self.answer("content", b""):
                return False
            content += line.removeprefix(b".")
        taken = (self.number, self.sender, self.recipients, bytes(content))
        return self.answer("dot", b"250 2.0.0 Taken",
                           then=lambda: self.upstream.messages.append(taken))

    @staticmethod
    def path(line):
        return line[line.index(b"<") + 1:line.index(b">")].decode()

    def answer(self, event, usual, then=lambda: None):
        """The scripted answer if there is one left; with the usual one also does `then`."""
        script = self.upstream.script.get(event)
        if not script:
            then()
            return self.say(usual)
        scripted = script.pop(0)
        if isinstance(scripted, threading.Event):
            scripted.wait(PATIENCE)
            then()
            return self.say(usual)
        if isinstance(scripted, Half):
            self.connection.sendall(scripted)
        if scripted is SILENCE or isinstance(scripted, Half):
            while self.connection.recv(65536):
                pass
        if not isinstance(scripted, bytes) or isinstance(scripted, Half):
            return False
        if scripted[:1] in (b"2", b"3"):
            then()
        return self.say(scripted) and not isinstance(scripted, Last)

    def say(self, reply):
        if reply:
            self.connection.sendall(reply + b"\r\n")
        return True
