"""Figures of several rounds, and their ratios.

The peers are measured one after the other within a round, so that a machine that grows slower or
faster does so for all of them. A ratio is therefore taken within each round first: what a round did
to both goes out of it."""

import statistics

# Two medians closer than this are a tie on machines such as these: one program differs as much
# from itself.
TIE = 1.25


class Series:
    """One figure over the rounds; a round that has none (a peer that failed) is None."""

    def __init__(self, values):
        self.values = list(values)

    @property
    def known(self):
        return [value for value in self.values if value is not None]

    def __bool__(self):
        return bool(self.known)

    @property
    def median(self):
        return statistics.median(self.known)

    @property
    def least(self):
        return min(self.known)

    @property
    def most(self):
        return max(self.known)

    def over(self, other):
        """The series of this figure's share of the other's, round by round. Empty if they never
        have a round in common."""
        return Series(a / b for a, b in zip(self.values, other.values)
                      if a is not None and b not in (None, 0))

    def to_json(self):
        if not self:
            return None
        return {"median": self.median, "min": self.least, "max": self.most, "rounds": self.values}


def short(value):
    """Three digits that count, with thousands set apart: 16,600  870  4.31  0.0612."""
    if value == 0:
        return "0"
    if abs(value) >= 999.5:
        digits = len(str(round(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def spread(series):
    """The median, with the range behind it if there is more than one round."""
    if not series:
        return "—"
    if len(series.known) == 1:
        return short(series.median)
    return f"{short(series.median)} ({short(series.least)}..{short(series.most)})"


def times(series):
    """A ratio for reading."""
    return f"{short(series.median)}x" if series else "—"
