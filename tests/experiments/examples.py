"""Examples of what experiments work on: an improve.yaml, and a certificate as it is shown."""

from typing import Any

TOPICS = ("rivers", "metals", "birds", "sleep", "law", "ice")
IMPROVE = """\
# how the writer gets briefer
description: Answers briefly.
agent: writer
goals:
  pets: [What do dogs eat?, Why do cats purr?]
  music:
    - What is a melody?
    - {goal: What is a choir?}
heldout:
  rivers: [What is a river?, What is a dam?]
  metals: [What is iron?, What is gold?]
scorers:
  brief:
    verify: length
    params: {unit: words, max: 5}
  relevant: {verify: relevance, per_goal: {to: goal}}
gate:
  primary: brief
  min_cases: 2
  min_topics: 2
  guardrails:
    - {measure: relevant, margin: 0.2}
"""


def shown(**fields: Any) -> dict[str, Any]:
    """A certificate as the wire shows it; hostile where text is anybody's."""
    by_topic = [
        {"topic": "rivers", "n": 5, "before": 0.2, "after": 1.0, "gain": 0.8},
        {"topic": "metals", "n": 5, "before": 0.4, "after": 0.4, "gain": 0.0},
        {"topic": "<script>alert(1)</script>", "n": 5, "before": 0.6, "after": 0.4, "gain": -0.2},
    ]
    base: dict[str, Any] = {
        "format": 1,
        "id": "01930000-0000-7000-8000-000000000007",
        "number": 7,
        "name": "C-0007",
        "improvement_id": "01930000-0000-7000-8000-000000000001",
        "issued_at": "2026-11-22T10:58:00+00:00",
        "workflow": "answer",
        "agent": "writer",
        "alias": "brief",
        "primary": "brief",
        "description": "answers in one sentence of at most 15 words",
        "verdict": "better",
        "effect": 0.475,
        "interval": [0.367, 0.583],
        "level": 0.9696,
        "alpha": 0.0304,
        "needed": 0.0,
        "p": 2.1e-14,
        "method": "cluster-robust t interval over topics",
        "about_n_more": None,
        "n": 120,
        "topics": 3,
        "baseline": {"target": "smollm2@1", "passed": 31, "score": 0.26},
        "candidate": {"target": "smollm2/brief@2", "passed": 88, "score": 0.73},
        "fixed": 61,
        "broken": 4,
        "kept": 27,
        "still_wrong": 28,
        "by_topic": by_topic,
        "guardrails": [
            {
                "measure": "relevant",
                "description": "keeps to the question",
                "better": "higher",
                "baseline": 0.81,
                "candidate": 0.802,
                "worst": -0.046,
                "margin": 0.05,
                "held": True,
            },
            {
                "measure": "latency_ms",
                "description": "",
                "better": "lower",
                "baseline": 1920.0,
                "candidate": 1310.0,
                "worst": -480.0,
                "margin": 200.0,
                "held": True,
            },
        ],
        "examples": {
            "broken": [
                {
                    "goal": "What is a <b>river</b>? | `x`",
                    "before": "A river is a stream.",
                    "after": "<img src=x onerror=alert(1)>\n| next",
                }
            ],
            "fixed": [],
        },
        "made_from": {
            "runs": 32,
            "candidates": 192,
            "judgements": 384,
            "pairs": 48,
            "steps": 24,
            "dataset": "answer-pairs@1",
        },
        "pairs": 48,
        "training": {"alarms": [], "curve": [[1, 0.0], [12, 0.4], [24, 0.9]]},
        "cycle": 1,
        "budget": {"level": 0.05, "spent": 0.0304, "cycles": 1},
        "seed": 7,
        "leaked": 0,
        "wall_s": 252.4,
        "stages": [{"name": "sample", "wall_s": 21.0}, {"name": "train", "wall_s": 121.0}],
        "cost": {"usd_micros": 0, "cpu_s": 320.5},
        "hashes": {"workflow": "sha256:" + "ab" * 32, "adapter": "sha256:" + "cd" * 32},
        "environment": {"platform": "camel-extensions 0.1.0", "python": "3.11.9"},
        "content_hash": "sha256:" + "78" * 32,
        "decision_id": "01930000-0000-7000-8000-000000000009",
        "approved_by": "the policy, for owner",
        "decision": {
            "kind": "promotion",
            "created_at": "2026-11-22T11:06:00+00:00",
            "rolled_back_at": None,
            "automatic": True,
            "decided_by": "the policy, for owner",
            "reason": "the verdict is better",
        },
        "live": None,
    }
    return {**base, **fields}
