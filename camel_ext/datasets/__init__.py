"""Datasets: preference pairs from judged answers, frozen into versions that are named by their content.

It knows where each pair comes from, down to run and annotator. It judges nothing (annotations) and
trains nothing (training).
"""

from camel_ext.datasets.errors import (
    BuildInvalid,
    DatasetUnknown,
    FileInvalid,
    NoPairs,
    VersionUnknown,
    VersionUnready,
)
from camel_ext.datasets.lineage import trace_version
from camel_ext.datasets.models import DatasetVersion, Origin, PairSource, SourceKind, Split
from camel_ext.datasets.pair import JudgedBy, Pair, pair_hash
from camel_ext.datasets.parquet import read_parquet
from camel_ext.datasets.reading import read_pairs
from camel_ext.datasets.schemas import Combine, DatasetBuild, PairRules, SplitBy, Strategy, Without
from camel_ext.datasets.versions import (
    cancel_build,
    count_latest_pairs,
    find_version,
    get_version,
    list_versions,
    start_build,
    start_without,
)

__all__ = [
    "BuildInvalid",
    "Combine",
    "DatasetBuild",
    "DatasetUnknown",
    "DatasetVersion",
    "FileInvalid",
    "JudgedBy",
    "NoPairs",
    "Origin",
    "Pair",
    "PairRules",
    "PairSource",
    "SourceKind",
    "Split",
    "SplitBy",
    "Strategy",
    "VersionUnknown",
    "VersionUnready",
    "Without",
    "cancel_build",
    "count_latest_pairs",
    "find_version",
    "get_version",
    "list_versions",
    "pair_hash",
    "read_pairs",
    "read_parquet",
    "start_build",
    "start_without",
    "trace_version",
]
