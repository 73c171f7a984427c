"""tools/bench: measures Cordon beside Postfix and nginx's mail proxy, in one run on one machine."""

import argparse
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import accepting
import house
import idling
import recovering
import relaying
import report
import sessions
import sharing
import surroundings
from results import Results

FOLDER = Path(__file__).resolve().parents[1] / "build/bench"

PROGRAMS = ("cordond", "cordonctl", "cordon-load", "cordon-sink")


def scenarios(quick):
    """{name: what to do in a round}"""
    return {
        "accepting": lambda results: accepting.run(results, cases(accepting, quick, results), say),
        "relaying": lambda results: relaying.run(results, say),
        "idling": lambda results: idling.run(results, idling.QUICK if quick else idling.FULL, say),
        "sessions": lambda results: sessions.run(results, say),
        "sharing": lambda results: sharing.run(results, say),
        "recovering": lambda results: recovering.run(
            results, cases(recovering, quick, results), say),
    }


def cases(scenario, quick, results):
    if quick:
        return scenario.QUICK
    return [*scenario.FULL, *(scenario.ONCE if results.round == 0 else ())]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def options():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="a few minutes: 4 KiB, 20 and 100 sessions; 1,000 idle sessions; ...")
    parser.add_argument("--only", action="append", choices=list(scenarios(False)),
                        help="this scenario only; may be given again")
    parser.add_argument("--rounds", type=int, help="default 3")
    return parser.parse_args()


def set_up(folder):
    """The folder of this run, and in it the programs: a build meanwhile must not change them."""
    work = folder / f"run-{os.getpid()}"
    programs = work / "bin"
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        shutil.copy2(house.BIN / name, programs)
    house.BIN = programs
    tempfile.tempdir = str(work)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    return work


def main():
    chosen = options()
    if os.geteuid() != 0:
        sys.exit("tools/bench needs root: Postfix starts only so")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # servers end, too
    work = set_up(FOLDER)
    results = Results(chosen.rounds or 3)
    todo = {name: act for name, act in scenarios(chosen.quick).items()
            if not chosen.only or name in chosen.only}
    facts = surroundings.facts(FOLDER)
    begin = time.monotonic()
    try:
        for results.round in range(results.rounds):
            say(f"round {results.round + 1} of {results.rounds}")
            for act in todo.values():
                act(results)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    facts["run"] = f"{(time.monotonic() - begin) / 60:.0f} minutes, {time.strftime('%Y-%m-%d')}"
    write(results, facts)


def write(results, facts):
    notes = {f"{name}, accepting": peer.NOTE for name, peer in accepting.PEERS.items()}
    notes |= {f"{name}, relaying": note for name, note in relaying.NOTES.items()}
    text = report.markdown(results, facts, notes)
    (FOLDER / "results.json").write_text(json.dumps(
        {"facts": facts, "notes": results.notes, "figures": results.to_json()}, indent=1))
    (FOLDER / "results.md").write_text(text)
    print(text)
    say(f"also in {FOLDER}/results.md and results.json")


if __name__ == "__main__":
    main()
