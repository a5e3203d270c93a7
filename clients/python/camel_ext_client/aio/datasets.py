"""Routes of datasets: versions of preference pairs, what they rest on, files out and in.

Written by `make client` from `datasets.py`: change that one.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.datasets import DATASETS, LINES, SOURCES, VERSIONS, _parts
from camel_ext_client.shapes import Page
from camel_ext_client.shapes_datasets import (
    Blast,
    Dataset,
    DatasetVersion,
    Diff,
    FileFormat,
    Lineage,
    Pair,
    Pairs,
    Split,
    Touched,
)


class Datasets:
    """`client.datasets`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def build(
        self,
        name: str,
        *,
        filter: Mapping[str, Any] | None = None,
        interaction_ids: Sequence[str] | None = None,
        rules: Mapping[str, Any] | None = None,
        exclude_runs: Sequence[str] = (),
        exclude_judges: Sequence[str] = (),
        at_most: int = 20000,
    ) -> DatasetVersion:
        """Build the next version of a dataset from judged answers: by filter, or these."""
        body = {
            "name": name,
            "filter": None if filter is None else dict(filter),
            "interaction_ids": None if interaction_ids is None else list(interaction_ids),
            "rules": dict(rules or {}),
            "exclude_runs": list(exclude_runs),
            "exclude_judges": list(exclude_judges),
            "at_most": at_most,
        }
        return cast(DatasetVersion, await self._transport.create(DATASETS, body))

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Dataset]:
        """Return a page of datasets, newest first."""
        return cast(Page[Dataset], await self._transport.get(DATASETS, limit=limit, cursor=cursor))

    def each(self) -> AsyncIterator[Dataset]:
        """Yield all datasets, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    async def get(self, name: str) -> Dataset:
        """Return a dataset."""
        return cast(Dataset, await self._transport.get(f"{DATASETS}/{name}"))

    async def versions(
        self, name: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[DatasetVersion]:
        """Return a page of a dataset's versions, newest first."""
        path = f"{DATASETS}/{name}/versions"
        return cast(
            Page[DatasetVersion], await self._transport.get(path, limit=limit, cursor=cursor)
        )

    def each_version(self, name: str) -> AsyncIterator[DatasetVersion]:
        """Yield all versions of a dataset, newest first."""
        return each(lambda at: self.versions(name, limit=200, cursor=at))

    async def find(self, target: str) -> DatasetVersion:
        """Return what `name` (its newest frozen version), `name@3` or `name@sha256:...` is."""
        return cast(DatasetVersion, await self._transport.get(VERSIONS, target=target))

    async def version(self, version_id: str) -> DatasetVersion:
        """Return a version by its id."""
        return cast(DatasetVersion, await self._transport.get(f"{VERSIONS}/{version_id}"))

    async def cancel(self, version_id: str) -> DatasetVersion:
        """Stop the building of a version for good."""
        found = await self._transport.send("POST", f"{VERSIONS}/{version_id}/cancel")
        return cast(DatasetVersion, found)

    async def pairs(
        self, version_id: str, *, split: Split | None = None, after: int = -1, limit: int = 50
    ) -> Pairs:
        """Return pairs of a frozen version after a position, in order."""
        path = f"{VERSIONS}/{version_id}/pairs"
        found = await self._transport.get(path, split=split, after=after, limit=limit)
        return cast(Pairs, found)

    async def each_pair(
        self, version_id: str, *, split: Split | None = None
    ) -> AsyncIterator[Pair]:
        """Yield all pairs of a frozen version, in order."""
        after: int | None = -1
        while after is not None:
            page = await self.pairs(version_id, split=split, after=after, limit=200)
            for item in page["items"]:
                yield item
            after = page["next_after"]

    async def lineage(self, version_id: str) -> Lineage:
        """Return what a version's pairs rest on: runs and judges."""
        return cast(Lineage, await self._transport.get(f"{VERSIONS}/{version_id}/lineage"))

    async def touched(self, kind: Literal["run", "judge"], ref: str) -> Sequence[Touched]:
        """Return the frozen versions that rest on a run or judge, newest first."""
        return cast(Sequence[Touched], await self._transport.get(SOURCES, kind=kind, ref=ref))

    async def diff(self, before_id: str, after_id: str) -> Diff:
        """Return how a version differs from another one."""
        return cast(Diff, await self._transport.get(f"{VERSIONS}/{before_id}/diff", other=after_id))

    async def preview_without(
        self, version_id: str, *, run_ids: Sequence[str] = (), judges: Sequence[str] = ()
    ) -> Blast:
        """Return what would go with these runs and judges."""
        named = {"run_ids": [*run_ids] or None, "judges": [*judges] or None}
        return cast(Blast, await self._transport.get(f"{VERSIONS}/{version_id}/without", **named))

    async def build_without(
        self, version_id: str, *, run_ids: Sequence[str] = (), judges: Sequence[str] = ()
    ) -> DatasetVersion:
        """Build the next version without these runs and judges."""
        body = {"run_ids": list(run_ids), "judges": list(judges)}
        found = await self._transport.create(f"{VERSIONS}/{version_id}/without", body)
        return cast(DatasetVersion, found)

    def export(
        self, version_id: str, *, format: FileFormat = "jsonl", split: Split | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a frozen version as a file, in pieces: `with ... as pieces`."""
        params = {"format": format, "split": split}
        return self._transport.download(f"{VERSIONS}/{version_id}/export", params, silence_s=60.0)

    async def open_import(
        self,
        name: str,
        *,
        eval_ratio: float = 0.1,
        split_by: Literal["topic", "prompt"] = "topic",
        seed: int = 0,
    ) -> DatasetVersion:
        """Open the next version for a file; the rest says how to split it where it does not."""
        body = {"eval_ratio": eval_ratio, "split_by": split_by, "seed": seed}
        return cast(
            DatasetVersion, await self._transport.create(f"{DATASETS}/{name}/imports", body)
        )

    async def add_lines(
        self, version_id: str, raw: bytes, *, at: int, first_line: int | None = None
    ) -> DatasetVersion:
        """Send pairs as lines of JSON, after the first `at` of the file."""
        path = f"{VERSIONS}/{version_id}/lines"
        found = await self._transport.post_raw(path, raw, LINES, at=at, first_line=first_line)
        return cast(DatasetVersion, found)

    async def freeze(self, version_id: str) -> DatasetVersion:
        """Say that the whole file was sent."""
        found = await self._transport.send("POST", f"{VERSIONS}/{version_id}/freeze")
        return cast(DatasetVersion, found)

    async def send_lines(
        self, version_id: str, lines: Iterable[bytes]
    ) -> AsyncIterator[DatasetVersion]:
        """Send a file's lines in parts; yield the version as it stands after each."""
        at = 0
        for first_line, part in _parts(lines):
            yield (await self.add_lines(version_id, b"\n".join(part), at=at, first_line=first_line))
            at += sum(1 for line in part if line)
