"""What must hold after every trial, whatever was killed when (QUALITY, Reliability)."""

import re
import sqlite3
from collections import Counter
from datetime import datetime
from itertools import pairwise
from typing import Any

from camel_ext.workflows.tools import effect_key
from tests.chaos.platform import Platform
from tests.chaos.provider import Call
from tests.chaos.watcher import Heard, Watcher
from tests.fakes.counting_tool_server import Counts

Json = dict[str, Any]
Story = list[tuple[str, str, str]]
DIGEST = re.compile(r"[0-9a-f]{12}")


def story_of(turns: list[Json], heard: list[Heard], run_id: str) -> Story:
    """Return what a run did: (step, what, text), by step; the same for every fault-free run."""
    previews = {
        e.payload["seq"]: e.payload["preview"]
        for e in heard
        if e.type == "workflows.turn.committed" and e.subject == run_id
    }
    return sorted((turn["step_key"], turn["name"], previews[turn["seq"]]) for turn in turns)


def wrong_with(
    watcher: Watcher,
    turns: dict[str, list[Json]],
    calls: list[Call],
    counts: Counts,
    stories: dict[int, tuple[Json, Story]],
) -> list[str]:
    """Return every violation, in words."""
    wrong = [*_wrong_feed(watcher), *_wrong_calls(watcher, calls)]
    for number, run in watcher.started.items():
        run_id = run["id"]
        end, there = watcher.ended[run_id], turns[run_id]
        if end["state"] != "succeeded":
            wrong.append(f"{run_id} is {end['state']}: {end['error_detail']}")
            continue
        if [turn["seq"] for turn in there] != list(range(1, len(there) + 1)):
            wrong.append(f"{run_id} has a gap: {[turn['seq'] for turn in there]}")
        output, story = stories[number]
        if end["output"] != output:
            wrong.append(f"{run_id} gave {end['output']} instead of {output}")
        if end["turns"] != len(there):
            wrong.append(f"{run_id} counts {end['turns']} turns, {len(there)} are there")
        if story_of(there, watcher.heard, run_id) != story:
            wrong.append(f"{run_id} went another way than undisturbed")
        wrong += _wrong_turns(watcher, run_id, there)
        wrong += _wrong_effects(run_id, there, counts)
    return wrong


def _wrong_feed(watcher: Watcher) -> list[str]:
    seqs = [event.seq for event in watcher.heard]
    wrong = []
    if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        odd = [(a, b) for a, b in pairwise(seqs) if b != a + 1]
        wrong.append(f"the feed as the client saw it jumps: {odd}")
    if watcher.resets:
        wrong.append(f"the feed was reset {watcher.resets} times")
    finished = Counter(e.subject for e in watcher.heard if e.type == "workflows.run.finished")
    queued = Counter(e.subject for e in watcher.heard if e.type == "workflows.run.queued")
    for run_id in watcher.ended:
        if finished[run_id] != 1:
            wrong.append(f"{run_id} finished {finished[run_id]} times in the feed")
        decided = sum(1 for each in watcher.decisions if each[0] == run_id)
        if queued[run_id] < 1 + decided:
            wrong.append(f"{run_id}: {queued[run_id]} times queued for {decided} decisions")
    if len(queued) != len(watcher.goals):
        wrong.append(f"{len(queued)} runs were started for {len(watcher.goals)} requests")
    return wrong


def _wrong_turns(watcher: Watcher, run_id: str, there: list[Json]) -> list[str]:
    """Every turn that was acknowledged, by poll or by feed, is there once and as it was."""
    wrong = []
    by_seq = {turn["seq"]: turn for turn in there}
    for (run, seq), turn in watcher.seen_turns.items():
        if run == run_id and by_seq.get(seq) != turn:
            wrong.append(f"{run_id}: turn {seq} was seen as {turn} and is {by_seq.get(seq)}")
    told = [
        (e.payload["seq"], e.payload["step_key"])
        for e in watcher.heard
        if e.type == "workflows.turn.committed" and e.subject == run_id
    ]
    if sorted(told) != sorted((turn["seq"], turn["step_key"]) for turn in there):
        wrong.append(f"{run_id}: the feed told of {told}")
    return wrong


def _wrong_effects(run_id: str, there: list[Json], counts: Counts) -> list[str]:
    wrong = []
    for turn in there:
        if turn["kind"] == "tool":
            had = counts.effects[effect_key(run_id, turn["step_key"])]
            if had != 1:
                wrong.append(f"{run_id}: {turn['step_key']} had its effect {had} times")
    return wrong


def _wrong_calls(watcher: Watcher, calls: list[Call]) -> list[str]:
    """No model is asked again for an answer that was committed."""
    committed: dict[str, float] = {}
    for event in watcher.heard:
        if event.type == "workflows.turn.committed" and event.payload["kind"] == "model":
            found = DIGEST.search(event.payload["preview"])
            if found is not None:
                committed[found[0]] = datetime.fromisoformat(event.at).timestamp()
    return [
        f"call {call.digest} was repeated {call.at_s - committed[call.digest]:.3f} s after its turn"
        for call in calls
        if call.at_s > committed.get(call.digest, call.at_s)
    ] + [
        f"no call was made for the answer {digest}"
        for digest in committed.keys() - {call.digest for call in calls}
    ]


def wrong_file(platform: Platform, watcher: Watcher, turns: dict[str, list[Json]]) -> list[str]:
    """Look into the SQLite file itself: sound, each interaction and its usage once."""
    spoken = sum(1 for each in turns.values() for turn in each if turn["kind"] == "model")
    with sqlite3.connect(platform.data_dir / "camel-ext.db") as db:
        (sound,) = db.execute("PRAGMA integrity_check").fetchone()
        counted = {
            "interactions": "select count(*) from interactions where error_code is null",
            "bodies": "select count(*) from interaction_bodies b join interactions i on "
            "b.id = i.id where i.error_code is null",
            "steps": "select count(distinct run_id || step_key) from interactions "
            "where error_code is null",
        }
        found = {name: db.execute(query).fetchone()[0] for name, query in counted.items()}
    wrong = [] if sound == "ok" else [f"the file is damaged: {sound}"]
    return wrong + [
        f"{count} {name} for {spoken} model turns"
        for name, count in found.items()
        if count != spoken
    ]
