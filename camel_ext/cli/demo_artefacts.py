"""What the demo leaves: runs, transcripts, the log of calls, a summary; for people and machines.

Everything is read back from the platform, so it shows what was kept and not what was displayed.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from camel_ext_client import Client
from camel_ext_client.shapes import Run, Turn

from camel_ext import __version__
from camel_ext.cli.following import answer_of
from camel_ext.cli.live import output_shown
from camel_ext.cli.output import amount, duration
from camel_ext.cli.turns import verdict_shown
from camel_ext.serving import BUNDLED

MODEL_BROKE = "workflows.answer_not_in_schema"  # the model answered badly: that is data


@dataclass(frozen=True, slots=True)
class Result:
    """How one goal went; None where nobody judged."""

    number: int
    goal: str
    run_id: str
    workflow: str
    state: str
    turns: int
    tokens: int
    seconds: float
    verifier_passed: bool | None
    reviewer_approved: bool | None
    output: Any
    error: str | None
    problems: list[str]


def judge(number: int, run: Run, turns: list[Turn], answers: dict[int, Any], calls: int) -> Result:
    """Return how a run went, with what is really broken in it (a bad answer is not)."""
    problems = []
    if run["state"] != "succeeded" and run["error_code"] != MODEL_BROKE:
        why = run["error_code"] or run["waiting_detail"] or ""
        problems.append(f"the run ended as {run['state']} {why}".strip())
    if [turn["seq"] for turn in turns] != list(range(1, run["turns"] + 1)):
        problems.append("its turns are not numbered without a gap")
    models = [turn for turn in turns if turn["kind"] == "model"]
    if calls < len(models):
        problems.append(f"{len(models)} calls of a model, {calls} in the log")
    checks = [turn["output"] for turn in turns if turn["kind"] == "verify"]
    reviews = [answers[turn["seq"]] for turn in models if turn["name"] == "reviewer"]
    return Result(
        number=number,
        goal=str(run["input"].get("goal", "")),
        run_id=run["id"],
        workflow=run["workflow"],
        state=run["state"],
        turns=run["turns"],
        tokens=run["prompt_tokens"] + run["completion_tokens"],
        seconds=round(run["running_ms"] / 1000, 1),
        verifier_passed=bool(checks[-1].get("passed")) if checks else None,
        reviewer_approved=_approved(reviews[-1]) if reviews else None,
        output=run["output"],
        error=run["error_detail"],
        problems=problems,
    )


def _approved(answer: Any) -> bool | None:
    try:
        return bool(json.loads(answer["content"])["approved"])
    except (ValueError, KeyError, TypeError):
        return None


def collect(client: Client, folder: Path, run_ids: list[str]) -> list[Result]:
    """Read everything back and write runs.json, transcripts/*.md and interactions.jsonl."""
    transcripts = folder / "transcripts"
    transcripts.mkdir(exist_ok=True)
    for old in transcripts.glob("*.md"):
        old.unlink()
    results, kept = [], []
    with (folder / "interactions.jsonl").open("w") as log:
        for number, run_id in enumerate(run_ids, start=1):
            run = client.runs.get(run_id)
            turns = list(client.runs.each_turn(run_id))
            calls = list(client.interactions.export(run_id=run_id))
            for call in reversed(calls):
                log.write(json.dumps(call, ensure_ascii=False) + "\n")
            answers = {turn["seq"]: answer_of(client, turn) for turn in turns}
            result = judge(number, run, turns, answers, len(calls))
            results.append(result)
            kept.append({"run": run, "turns": turns})
            name = re.sub(r"[^a-z0-9]+", "-", result.goal.lower()).strip("-")[:40]
            text = transcript(result, turns, answers)
            (transcripts / f"{number:02d}-{name}.md").write_text(text)
    _write_json(folder / "runs.json", kept)
    return results


def write_summary(folder: Path, results: list[Result], seconds: float) -> None:
    """Write summary.json."""
    summary = {
        "version": __version__,
        "model": {"file": BUNDLED.file_name, "sha256": BUNDLED.sha256},
        "seconds": round(seconds, 1),
        "runs": len(results),
        "succeeded": sum(result.state == "succeeded" for result in results),
        "verifier_passed": sum(bool(result.verifier_passed) for result in results),
        "turns": sum(result.turns for result in results),
        "tokens": sum(result.tokens for result in results),
        "problems": [problem for result in results for problem in result.problems],
        "results": [asdict(result) for result in results],
    }
    _write_json(folder / "summary.json", summary)


def transcript(result: Result, turns: list[Turn], answers: dict[int, Any]) -> str:
    """Return a run as a page to read."""
    lines = [
        f"# {result.goal}",
        "",
        f"Run `{result.run_id}` of workflow `{result.workflow}`: **{result.state}**, "
        f"{result.turns} turns, {amount(result.tokens)} tokens, {result.seconds:g} s on "
        f"{BUNDLED.file_name}.",
        "",
        f"Verifier: {_word(result.verifier_passed, 'passed')}. "
        f"Reviewer: {_word(result.reviewer_approved, 'approved')}.",
        "",
    ]
    for turn in turns:
        lines += [
            f"## {turn['seq']}. {turn['name']} ({turn['kind']})",
            "",
            f"`{turn['step_key']}`, {duration(turn['total_ms'])}",
            "",
            *_said(turn, answers.get(turn["seq"])),
            "",
        ]
    lines += ["## Output", "", *_fenced(output_shown(result.output or result.error or "none")), ""]
    return "\n".join(lines)


def _word(value: bool | None, word: str) -> str:
    return "did not judge" if value is None else word if value else f"not {word}"


def _said(turn: Turn, answer: Any) -> list[str]:
    if turn["kind"] == "model":
        text = str((answer or {}).get("content") or "")
        calls = [
            f"{call['function']['name']}({call['function']['arguments']})"
            for call in (answer or {}).get("tool_calls") or ()
        ]
        return _fenced("\n".join([text, *calls]).strip())
    if turn["kind"] == "verify":
        return [verdict_shown(turn["output"]).plain]
    output = turn["output"]
    said = output.get("text", output) if isinstance(output, dict) else output
    return [*_fenced(_arguments(turn["input"])), "", *_fenced(output_shown(said))]


def _arguments(given: Any) -> str:
    """Return a tool's arguments: a lone text, such as a program, as it is."""
    lone = list(given.values()) if isinstance(given, dict) else []
    return output_shown(lone[0] if len(lone) == 1 and isinstance(lone[0], str) else given)


def _fenced(text: str) -> list[str]:
    fence = "```" if "```" not in text else "`````"
    return [f"{fence}text", text, fence]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
