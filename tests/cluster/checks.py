"""What must hold in the database after anything was killed: each turn, case and stage once, nothing open.

Each check is a query that finds what is wrong; where it finds nothing, all is well.
"""

from itertools import pairwise

from tests.postgres import seeing_all

CHECKS = {
    "turns are numbered without a gap in each run, from its prefix to its count": """
        SELECT r.id FROM runs r LEFT JOIN turns t ON t.run_id = r.id
        GROUP BY r.id, r.prefix_seq, r.turn_count
        HAVING count(t.seq) <> r.turn_count - r.prefix_seq
            OR min(t.seq) <> r.prefix_seq + 1 OR max(t.seq) <> r.turn_count""",
    "each step of a run is a turn once": """
        SELECT run_id, step_key FROM turns GROUP BY run_id, step_key HAVING count(*) > 1""",
    "each model turn has its call, and each call of a run its turn": """
        SELECT t.run_id, t.step_key FROM turns t
        LEFT JOIN interactions i ON i.id = t.interaction_id
        WHERE t.kind = 'model' AND i.id IS NULL
        UNION ALL
        SELECT i.run_id, i.step_key FROM interactions i
        LEFT JOIN turns t ON t.interaction_id = i.id
        WHERE i.run_id IS NOT NULL AND i.error_code IS NULL AND t.run_id IS NULL""",
    "each case of an evaluation is answered": """
        SELECT e.id FROM evaluations e JOIN evaluation_cases c ON c.evaluation_id = e.id
        WHERE e.state = 'succeeded' GROUP BY e.id, e.total, e.done
        HAVING count(*) <> e.total OR e.done <> e.total
            OR count(*) FILTER (WHERE c.state NOT IN ('succeeded', 'failed')) > 0""",
    "each stage of an improvement started what it planned, once": """
        SELECT improvement_id, name FROM improvement_stages
        WHERE state <> 'succeeded' OR json_array_length(children::json) > json_array_length(planned::json)""",
    "each improvement has one certificate and at most one training": """
        SELECT i.id FROM improvements i LEFT JOIN certificates c ON c.improvement_id = i.id
        WHERE i.state = 'succeeded' GROUP BY i.id HAVING count(c.id) <> 1""",
    "no job is left open": """
        SELECT id, kind, state FROM jobs WHERE state NOT IN ('succeeded', 'failed', 'cancelled')""",
    "no job was given up": "SELECT id, kind, error_detail FROM jobs WHERE state = 'failed'",
    "the feed is numbered 1 to n": """
        SELECT org_id FROM outbox GROUP BY org_id
        HAVING max(seq) - min(seq) + 1 <> count(*) OR count(*) <> count(DISTINCT seq)""",
}


def wrong_in(database: str) -> list[str]:
    """Return every violation, in words."""
    wrong = []
    with seeing_all(database) as connection:
        for what, query in CHECKS.items():
            found = connection.execute(query).fetchmany(3)
            if found:
                wrong.append(f"not true that {what}: {found}")
    return wrong


def wrong_feed(seqs: list[int], resets: int) -> list[str]:
    """Return where the feed, as one client saw it, had a gap, a repetition or a reset."""
    wrong = [f"the feed jumps from {a} to {b}" for a, b in pairwise(seqs) if b != a + 1]
    return wrong + ([f"the feed was reset {resets} times"] if resets else [])
