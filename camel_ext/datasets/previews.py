"""What a build would yield by some rules, before it is asked for. Nothing is written here, and nothing frozen."""

from collections import Counter
from collections.abc import Sequence

from camel_ext.core.clock import Clock
from camel_ext.datasets.building import Frozen
from camel_ext.datasets.candidates import Prompts, look
from camel_ext.datasets.pair import Pair
from camel_ext.datasets.pairs import Found, build_pairs
from camel_ext.datasets.preferences import Candidate
from camel_ext.datasets.schemas import DatasetBuild, PreviewShown
from camel_ext.datasets.statistics import found_statistics, found_warnings, why_no_pairs
from camel_ext.datasets.versions import draft_of
from camel_ext.identity import ActorDoor

MOST = 5_000  # answers: 2 s of one core, at 250 a page; a build looks at all


async def preview(door: ActorDoor, clock: Clock, wanted: DatasetBuild) -> PreviewShown:
    """Look at what a build would look at, and say what would come of it.

    Raises: BuildInvalid, naming interactions that are not there.
    """
    version = await door.read(draft_of, clock, wanted)
    version.at_most = min(version.at_most, MOST)
    candidates: list[Candidate] = []
    left_out: Counter[str] = Counter()
    prompts: Prompts = {}
    done, cursor, is_last = 0, None, False
    while not is_last:
        page = await door.read(look, version, done, cursor, prompts)
        candidates += page.candidates
        left_out += page.left_out
        done, cursor, is_last = done + page.looked_at, page.cursor, page.is_last
    pairs, found = await door.runtime.threads.run("work", build_pairs, candidates, wanted.rules)
    return _shown(pairs, found, done, left_out, wanted, is_whole=cursor is None or done < MOST)


def _shown(
    pairs: Sequence[Pair],
    found: Found,
    looked_at: int,
    left_out: Counter[str],
    wanted: DatasetBuild,
    *,
    is_whole: bool,
) -> PreviewShown:
    frozen = Frozen()
    for pair in pairs:
        frozen.add(pair)
    warnings = [
        *(frozen.description.warnings(wanted.rules.eval_ratio) if pairs else ()),
        *found_warnings(found, len(pairs)),
    ]
    return PreviewShown(
        looked_at=looked_at,
        whole=is_whole,
        pairs=len(pairs),
        statistics={
            **frozen.statistics(),
            "found": found_statistics(found, looked_at, left_out),
        },
        warnings=warnings if pairs else [],
        why_none=None if pairs else why_no_pairs(found, looked_at, left_out),
    )
