"""What was measured: figures by scenario, case, peer and name, one value a round."""

from figures import Series


class Results:
    def __init__(self, rounds):
        self.rounds = rounds
        self.values = {}
        self.notes = []   # what a reader must know: checks made, runs that failed
        self.round = 0

    def add(self, scenario, case, peer, figures):
        for name, value in figures.items():
            series = self.values.setdefault((scenario, case, peer, name), [None] * self.rounds)
            series[self.round] = value

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def series(self, scenario, case, peer, name):
        """Empty if it was not measured."""
        return Series(self.values.get((scenario, case, peer, name), []))

    def ratio(self, scenario, case, name, peer, other):
        return self.series(scenario, case, peer, name).over(
            self.series(scenario, case, other, name))

    def of_all(self, name):
        """That figure of every run."""
        return Series(value for (*_, found), values in self.values.items() if found == name
                      for value in values)

    def cases(self, scenario):
        """In the order in which they were first measured."""
        return list(dict.fromkeys(case for found, case, _, _ in self.values if found == scenario))

    def to_json(self):
        return [{"scenario": scenario, "case": case, "peer": peer, "figure": name,
                 **(Series(values).to_json() or {})}
                for (scenario, case, peer, name), values in self.values.items()]
