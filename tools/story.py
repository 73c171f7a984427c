"""The story that tools/run plays: real SMTP to a running gateway, told as it happens."""

import json
import smtplib
import socket
import subprocess
import sys
import time
from pathlib import Path

RUN, BIN = Path(sys.argv[1]), Path(sys.argv[2])
PERIOD = 5
BAIT = "j.archive.old@example.com"


def say(text=""):
    print(text, flush=True)


def ctl(*words):
    command = [BIN / "cordonctl", "--socket", RUN / "control.sock", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"cordonctl {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def rows(*words):
    return [json.loads(line) for line in ctl(*words, "--json").splitlines() if line]


def eventually(condition, what):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"this did not happen within 30 s: {what}\nlook at {RUN}/cordond.log")
        time.sleep(0.1)


def reachable():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", 2525)) == 0 and (RUN / "control.sock").exists()


def send(host, sender, recipients, subject):
    """One message from `host` to each of `recipients`; returns the gateway's last reply."""
    with smtplib.SMTP("127.0.0.1", 2525, "desk.example.com", source_address=(host, 0)) as session:
        session.ehlo()
        for to in recipients:
            session.mail(sender)
            session.rcpt(to)
            code, text = session.data(
                f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello.\r\n")
    return f"{code} {text.decode()}"


def arrived():
    """[(recipient, subject)] at the real server."""
    found = []
    for path in sorted((RUN / "mail").glob("*.eml")):
        subject = [line[9:] for line in path.read_text(errors="replace").splitlines()
                   if line.startswith("Subject: ")][0]
        found += [(to, subject) for to in path.with_suffix(".env").read_text().splitlines()[1:]]
    return found


def got(to, subject):
    return any(to == t and subject in s for t, s in arrived())


def main():
    eventually(reachable, "the gateway listens on 127.0.0.1:2525")
    say("Cordon is running: gateway 127.0.0.1:2525, the real server's place is taken by a sink on")
    say(f"127.0.0.1:2526. Mail is held for {PERIOD} s here (60 s by default).")

    say("\n1. A bait is planted: an address that nobody would ever write to.")
    ctl("bait", "add", BAIT, "--label", "planted for the story")
    say("   (in life, in files on a host, for whoever searches them for addresses)")

    say("\n2. Anna, at host 127.0.0.2, writes to Bert.")
    say("   gateway: " + send("127.0.0.2", "anna@example.com", ["bert@example.com"], "lunch?"))
    begin = time.monotonic()
    eventually(lambda: got("bert@example.com", "lunch?"), "Anna's mail is committed")
    say(f"   held, and committed to the real server after {time.monotonic() - begin:.1f} s.")

    say("\n3. Host 127.0.0.66 has caught a worm. It mails whom it finds; slowly at first ...")
    early = ["carl@example.com", "dora@example.com"]
    send("127.0.0.66", "emil@example.com", early, "see the attached file")
    eventually(lambda: all(got(to, "see the attached") for to in early), "the early ones leave")
    say(f"   {' and '.join(early)} have it before anything is known.")
    say("   ... then in a burst, down a list that holds the bait.")
    burst = [f"person{n}@example.com" for n in range(1, 8)]
    reply = send("127.0.0.66", "emil@example.com", burst[:4] + [BAIT] + burst[4:],
                 "see the attached file")
    say("   gateway: " + reply + "   (the worm sees what it always sees)")

    eventually(lambda: rows("alert", "list"), "the alert")
    eventually(lambda: all(got(to, "Warning") for to in early), "the warnings")
    eventually(lambda: len(rows("quarantine", "list", "ALL")) == 8, "the quarantine")
    say("\n4. The first use of the bait proved it. The alert, the quarantine, the warnings:\n")
    say(ctl("alert", "list"))
    say(ctl("quarantine", "list", "ALL"))
    say(ctl("warning", "list"))

    say("5. Meanwhile Anna's mail flows on.")
    send("127.0.0.2", "anna@example.com", ["bert@example.com"], "and dinner?")
    eventually(lambda: got("bert@example.com", "and dinner?"), "Anna's second mail")
    leaked = [to for to, subject in arrived() if to in burst]
    say(f"   committed. Of the worm's burst {len(leaked)} messages reached the real server.")

    say("\n6. The operator looks at one, finds it harmless, and releases it.")
    one = rows("quarantine", "list", "ALL")[0]["queue_id"]
    say("   cordonctl quarantine release " + one)
    ctl("quarantine", "release", one, "--yes")
    eventually(lambda: any(to in burst for to, _ in arrived()), "the released message")
    say("   it has arrived. The host stays cordoned until `cordonctl cordon lift`.")

    say("\nThe gateway goes on running. Try:")
    tool = f"{BIN}/cordonctl --socket {RUN}/control.sock"
    for words in ("status", "cordon show 1", "quarantine list ALL", "cordon lift 1", "audit"):
        say(f"   {tool} {words}")
    say("   swaks --server 127.0.0.1:2525 --from anna@example.com --to bert@example.com")
    say(f"   ls {RUN}/mail; less {RUN}/cordond.log")
    say("   tools/run stop")


if __name__ == "__main__":
    main()
