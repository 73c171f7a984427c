"""The run as Markdown for a README, with its aims in plain words."""

import sessions as session_cost
from aims import AIMS
from figures import spread, times

COSTS = ("dot_p50_ms", "dot_p99_ms", "cpu_per_1000", "peak_mib")
COSTED = ("cordon", "postfix", "nginx")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cells(results, scenario, case, figure, peers):
    """The medians side by side: Cordon / Postfix / nginx."""
    return " / ".join(short_or_dash(results.series(scenario, case, peer, figure))
                      for peer in peers)


def short_or_dash(series):
    return spread(series).split(" ")[0]


def accepting(results):
    cases = results.cases("accepting")
    if not cases:
        return ""
    rates, costs = [], []
    for case in cases:
        series = [results.series("accepting", case, peer, "rate")
                  for peer in ("cordon", "postfix", "nginx", "sink")]
        rates.append([case, *map(spread, series),
                      times(results.ratio("accepting", case, "rate", "cordon", "postfix")),
                      times(results.ratio("accepting", case, "rate", "cordon", "nginx"))])
        costs.append([case, *(cells(results, "accepting", case, figure, COSTED)
                              for figure in COSTS)])
    return ("\n### Accepted a second\n\n"
            + table(["each message, sessions", "Cordon, durable", "Postfix, durable",
                     "nginx, pass-through", "sink alone", "to Postfix", "to nginx"], rates)
            + "\n### What it costs: Cordon / Postfix / nginx\n\n"
            + table(["", "final dot to 250, p50 ms", "p99 ms", "CPU s per 1,000", "peak RSS MiB"],
                    costs))


def relaying(results):
    rows = [[case, spread(results.series("relaying", case, "cordon", "rate")),
             spread(results.series("relaying", case, "postfix", "rate")),
             times(results.ratio("relaying", case, "rate", "cordon", "postfix")),
             cells(results, "relaying", case, "cpu_per_1000", ("cordon", "postfix"))]
            for case in results.cases("relaying")]
    return rows and ("\n### Relayed a second, until the last has arrived\n\n" + table(
        ["", "Cordon, period 0", "Postfix", "to Postfix", "CPU s per 1,000, Cordon / Postfix"],
        rows)) or ""


def idling(results):
    rows = [[case, *(spread(results.series("idling", case, peer, "kib"))
                     for peer in ("cordon", "nginx", "postfix"))]
            for case in results.cases("idling")]
    return rows and ("\n### Memory per idle session after EHLO, KiB\n\n" + table(
        ["", "Cordon", "nginx", "Postfix (100 sessions)"], rows)) or ""


def sessions(results):
    """Microseconds at the client, medians."""
    rows = []
    for case in results.cases("sessions"):
        rows += [[peer, *(short_or_dash(results.series("sessions", case, peer, figure))
                          for figure in (*session_cost.PARTS, "RCPT"))]
                 for peer in session_cost.PEERS]
    title = "\n### One session at a time, one message of 4 KiB: µs at the client\n\n"
    return rows and (title + table(
        ["", "set-up", "inspection", "storing", "termination", "of inspection, RCPT"], rows)) or ""


def sharing(results):
    figures = ("dot_p50_ms", "dot_p99_ms", "late_p99_ms", "rate", "flood_mib")
    rows = [[case, *(cells(results, "sharing", case, figure, ("cordon", "postfix"))
                     for figure in figures)] for case in results.cases("sharing")]
    title = ("\n### A host that begins 100 messages of 4 KiB a second, beside another that floods: "
             "Cordon / Postfix\n\n")
    return rows and (title + table(
        ["the flood", "its final dot to 250, p50 ms", "p99 ms",
         "p99 of waiting for a free session, ms", "its messages a second",
         "MiB a second of the flood"], rows)) or ""


def recovering(results):
    figures = ("rcpt_honest_ms", "rcpt_ms", "durable_ms", "rate", "start_s", "octets_each",
               "octets_each_after_start")
    rows = [[case, *(short_or_dash(results.series("recovering", case, "cordon", figure))
                     for figure in figures)] for case in results.cases("recovering")]
    title = "\n### A bait is met while so much of its host is held: the slowest of three\n\n"
    return rows and (title + table(
        ["", "RCPT without bait, ms", "RCPT with bait, ms: then nothing leaves",
         "until the alert is durable, ms", "accepts/s of another host, 20 sessions",
         "start-up, s, files in the page cache", "octets of memory a message",
         "the same after a restart"], rows)) or ""


def aims(results):
    rows = [row for row in (aim.row(results) for aim in AIMS) if row[2] != "—"]
    return rows and "\n### Aims\n\n" + table(["figure", "aim", "measured", "aim is"], rows) or ""


COSTS_NOTE = ("CPU is user and system time of all the server's processes, without its sink's; peak "
              "RSS the sum of each process's high-water mark, for Postfix the PSS of all at the "
              "end of the load, since its processes share much")
COUNTS = ("after each run of accepting and relaying the server's own count (held messages, files "
          "in the hold queue, messages at the sink) was what the generator had been told; a run "
          "where they differ, or mail was refused, or a connection lost, has failed and is named "
          "below")


def other_work(results):
    shares = results.of_all("other_work")
    if not shares:
        return "not measured"
    return (f"what was not part of the run took {shares.median:.0%} of the machine in the median "
            f"run, {shares.most:.0%} in the worst (the kernel's own writing included)")


def machine(facts):
    return "".join(f"- {name}: {value}\n" for name, value in facts.items())


def markdown(results, facts, notes):
    head = (f"## Cordon beside its peers\n\nMedians of {results.rounds} "
            f"{'round' if results.rounds == 1 else 'interleaved rounds'} (least..most); ratios are "
            "taken round by round. Differences under 25 % are ties.\n\n")
    parts = [aims, accepting, relaying, idling, sessions, sharing, recovering]
    body = "".join(part(results) for part in parts)
    tail = "\n### How\n\n" + machine({**facts, **notes, "costs": COSTS_NOTE, "counts": COUNTS,
                                        "other work": other_work(results)})
    tail += "".join(f"- {note}\n" for note in results.notes)
    return head + body + tail
