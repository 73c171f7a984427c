"""Debian's Postfix, from the tests' private one."""

import subprocess

import postfix
from processes import ProcessGroup


class PostfixPeer(postfix.Postfix):
    """The tests' Postfix in a group, with room for `sessions`. It holds all mail, unless other
    `settings` say what becomes of it."""

    name = "postfix"
    NOTE = ("as Debian ships it, plus: every message goes to the hold queue, so that no delivery "
            "takes part (its cleanup still syncs each); process limit above the sessions; no "
            "waiting (in_flow_delay 0); no name look-ups")
    HOLD = "smtpd_sender_restrictions = static:HOLD\n"

    # in_flow_delay slows clients down on purpose while mail comes faster than it leaves, and the
    # limit on connections is meant against strangers: neither shall decide here.
    TUNED = """
message_size_limit = 0
default_process_limit = {limit}
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
virtual_mailbox_domains =
"""

    def __init__(self, sessions=500, settings=HOLD, sink=None):
        self.sink = sink
        self.limit = sessions + 100
        self.settings = settings
        self.group = ProcessGroup(self.name)
        super().__init__()

    def lay_out(self, settings):
        super().lay_out(settings)
        main = self.config / "main.cf"
        text = main.read_text() + self.TUNED.format(limit=self.limit) + self.settings
        main.write_text(without_earlier(text))
        master = self.config / "master.cf"
        master.write_text(master.read_text().replace("- 40 smtpd", "- - smtpd", 1))

    def command(self, word):
        if word != "start":
            return super().command(word)
        # The master stays in the group of the command that started it.
        return subprocess.run(self.group.inside(["/usr/sbin/postfix", "-c", self.config, word]),
                              text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              check=False)

    def start(self):
        if self.sink:
            self.sink.start()
        super().start()
        self.group.first = int((self.root / "queue/pid/master.pid").read_text())
        return self

    def has(self, count):
        return sum(1 for path in (self.root / "queue/hold").rglob("*") if path.is_file()) == count

    def stop(self):
        super().stop()
        if self.sink:
            self.sink.stop()
        self.group.close()


def without_earlier(text):
    """main.cf with the last of each setting only; Postfix would take that one too, but warn."""
    last = {}
    for line in text.splitlines():
        if "=" in line:
            last[line.split("=", 1)[0].strip()] = line
    return "\n".join(last.values()) + "\n"
