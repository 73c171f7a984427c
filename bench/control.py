"""cordond's control socket, one line of JSON a question (wire/request.h, wire/reply.h): quicker
than starting cordonctl, where what is timed takes milliseconds."""

import json
import socket


class Control:
    """Use with `with`."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.asked = 0
        if "hello" not in (greeting := json.loads(self.lines.readline())):
            raise AssertionError(f"no greeting: {greeting}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def ask(self, command, **arguments):
        """The rows of the answer."""
        self.asked += 1
        question = {"v": 1, "id": self.asked, "command": command, "args": arguments}
        self.socket.sendall((json.dumps(question) + "\n").encode())
        rows = []
        for line in self.lines:
            answer = json.loads(line)
            if "row" not in answer:
                break
            rows.append(answer["row"])
        if "end" not in answer:
            raise AssertionError(f"{command}: {answer}")
        return rows
