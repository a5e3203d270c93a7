"""Experiments: improvement loops from runs to a promoted adapter, and the decisions they end in.

A decision is a row with its evidence and never changes. It trains nothing and scores nothing itself:
each stage is another room's, reached by its face.
"""

from camel_ext.experiments.config import ImproveConfig
from camel_ext.experiments.reading import ImproveFile, files_named, read_improve

__all__ = ["ImproveConfig", "ImproveFile", "files_named", "read_improve"]
