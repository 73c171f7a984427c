"""What Cordon is measured against: each aim as a figure of a run and the limit it must keep."""

from dataclasses import dataclass

from figures import TIE, short


@dataclass(frozen=True)
class Aim:
    what: str
    limit: float
    unit: str
    at_least: bool
    figure: tuple     # scenario, case, name
    peer: str = ""    # empty: the figure itself; else its share of this peer's

    def series(self, results):
        scenario, case, name = self.figure
        if self.peer:
            return results.ratio(scenario, case, name, "cordon", self.peer)
        return results.series(scenario, case, "cordon", name)

    def met(self, results):
        """None if it was not measured."""
        found = self.series(results)
        if not found:
            return None
        return found.median >= self.limit if self.at_least else found.median <= self.limit

    def row(self, results):
        """[figure, aim, measured, in words]"""
        found = self.series(results)
        aim = ("at least " if self.at_least else "at most ") + short(self.limit) + self.unit
        if not found:
            return [self.what, aim, "—", "not measured"]
        return [self.what, aim, short(found.median) + self.unit,
                "met" if self.met(results) else "missed"]


def faster(case, limit, peer="postfix"):
    title = {"postfix": "Postfix", "nginx": "nginx"}[peer]
    return Aim(f"accepts, {case}, beside {title}", limit, "x", True, ("accepting", case, "rate"),
               peer)


def calmer(flood):
    return Aim(f"p99 of a quiet host beside {flood} of another, share of Postfix's", 0.25, "",
               False, ("sharing", flood, "dot_p99_ms"), "postfix")


AIMS = [
    faster("4 KiB, 100 sessions", 12),
    faster("4 KiB, 500 sessions", 12),
    # Level: not further behind than two runs of one program may be.
    faster("4 KiB, 100 sessions", 1 / TIE, "nginx"),
    faster("4 KiB, 500 sessions", 1 / TIE, "nginx"),
    faster("4 KiB, 20 sessions", 6),
    faster("4 KiB, 1 session", 3),
    faster("64 KiB, 20 sessions", 3.5),
    faster("64 KiB, 100 sessions", 5),
    faster("1 MiB, 20 sessions", 2.5),
    faster("1 MiB, 100 sessions", 2.5),
    Aim("relay end to end, period 0, 4 KiB, 20 sessions, beside Postfix", 8, "x", True,
        ("relaying", "4 KiB, 20 sessions", "rate"), "postfix"),
    Aim("CPU per 1,000 accepted, 4 KiB, 100 sessions", 0.1, " s", False,
        ("accepting", "4 KiB, 100 sessions", "cpu_per_1000")),
    Aim("p99 from final dot to 250, 4 KiB, 100 sessions, share of Postfix's", 0.25, "", False,
        ("accepting", "4 KiB, 100 sessions", "dot_p99_ms"), "postfix"),
    Aim("memory per idle session at 10,000 sessions", 8, " KiB", False,
        ("idling", "10,000 sessions", "kib")),
    Aim("peak RSS, 1 MiB, 500 sessions", 128, " MiB", False,
        ("accepting", "1 MiB, 500 sessions", "peak_mib")),
    calmer("500 sessions, 4 KiB"),
    calmer("500 sessions, 1 MiB"),
    calmer("20 sessions, 50 MiB"),
    Aim("recovery with 1,000,000 held, until no more can leave", 50, " ms", False,
        ("recovering", "1,000,000 held", "rcpt_ms")),
]
