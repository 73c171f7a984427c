"""A small scripted SMTP server in the real server's place: it misbehaves on order."""

import socket
import threading

from house import PATIENCE

# What may be scripted instead of a reply.
CLOSE = object()    # closes the connection without a word
SILENCE = object()  # says nothing more until the other side gives up


class Upstream:
    """Takes mail like any server, but the first answers to each of the events "connect", "EHLO",
    "MAIL", "RCPT", "DATA", "content" (the first line of it) and "dot" can be scripted:

        Upstream(MAIL=[b"421 4.3.2 later"], dot=[CLOSE])

    An Event among them is waited for before the usual answer is given.

    A message counts as taken only if its final dot was answered with 250."""

    def __init__(self, **script):
        self.script = {event: list(answers) for event, answers in script.items()}
        self.messages = []     # (number of the connection, sender, [recipients], content)
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.close_connections()

    def close_connections(self):
        """Hangs up on everybody; returns when that is done."""
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it went away by itself

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
        self.open.add(connection)
        try:
            with connection:
                Session(self, connection, number).run()
        except OSError:
            pass  # the other side went away
        finally:
            self.open.discard(connection)


class Session:
    def __init__(self, upstream, connection, number):
        self.upstream = upstream
        self.connection = connection
        self.lines = connection.makefile("rb")
        self.number = number
        self.sender = None
        self.recipients = []

    def run(self):
        if not self.answer("connect", b"220 mx.example ESMTP"):
            return
        while line := self.lines.readline():
            word = line.split()[0].upper().decode() if line.split() else ""
            if word == "QUIT":
                return self.say(b"221 2.0.0 Bye")
            if not self.command(word, line):
                return

    def command(self, word, line):
        """False ends the session."""
        if word == "EHLO":
            return self.answer("EHLO", b"250-mx.example\r\n250-PIPELINING\r\n250 8BITMIME")
        if word == "MAIL":
            self.sender, self.recipients = None, []
            return self.answer("MAIL", b"250 2.1.0 Ok", then=lambda: self.begin(self.path(line)))
        if word == "RCPT":
            if self.sender is None:
                return self.say(b"503 5.5.1 No MAIL")
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
        return self.say(b"250 2.0.0 Ok")

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
        if scripted is SILENCE:
            while self.connection.recv(65536):
                pass
        return isinstance(scripted, bytes) and self.say(scripted)

    def say(self, reply):
        if reply:
            self.connection.sendall(reply + b"\r\n")
        return True
