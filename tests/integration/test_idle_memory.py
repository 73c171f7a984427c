"""What an idle session keeps in memory, plain and under TLS. With the release build only: a sanitizer
has memory of its own for everything."""

import re
import unittest
from pathlib import Path

from secure import SecureHouse, SecureRaw
from test_sessions import Raw

SESSIONS = 400


def memory(house):
    """In KiB, what is the process's own."""
    status = Path(f"/proc/{house.gateway.process.child.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1])


def cost(house, connect):
    """KiB that one session more takes, after EHLO."""
    def some(count):
        sessions = [connect() for _ in range(count)]
        for session in sessions:
            session.dialogue(b"EHLO client.example")
        return sessions

    first = some(50)  # what is taken once
    before = memory(house)
    held = some(SESSIONS)
    each = (memory(house) - before) / SESSIONS
    for session in first + held:
        session.__exit__()
    return each


class IdleMemory(unittest.TestCase):
    def test_a_plain_session_keeps_no_buffer(self):
        with SecureHouse() as house:
            each = cost(house, lambda: Raw(house.gateway.port))
            print(f"an idle session takes {each:.1f} KiB")
            self.assertLess(each, 4)  # with a buffer for each it would be more by that

    def test_under_tls_it_keeps_none_either(self):
        with SecureHouse("listener.0.tls=implicit") as house:
            context = house.context()
            each = cost(house, lambda: SecureRaw(house.gateway.port, context))
            print(f"an idle session under TLS takes {each:.1f} KiB")
            self.assertLess(each, 24)  # with OpenSSL's buffers 34 KiB more


if __name__ == "__main__":
    unittest.main()
