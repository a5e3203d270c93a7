"""What can be wrong with datasets; a build that finds no pairs fails, and its version says why."""

from camel_ext.core.errors import Conflict, Invalid, NotFound


class DatasetUnknown(NotFound):
    """There is no dataset by that name in this project."""


class VersionUnknown(NotFound):
    """There is no such version of a dataset in this project."""


class BuildInvalid(Invalid):
    """The version cannot be built as it was asked for."""


class FileInvalid(Invalid):
    """The file is not preference pairs as TRL's conversational format writes them."""


class NoPairs(Invalid):
    """No pair could be made of what was chosen."""


class VersionFrozen(Conflict):
    """A version is frozen once and never changes: build the next one."""


class VersionUnready(Conflict):
    """The version is not frozen, or never will be: its pairs cannot be used."""


class ImportOutOfPlace(Conflict):
    """This part of the file does not follow what has arrived."""


class ImportNotKept(Conflict):
    """A file whose import failed is not kept: import it again."""


class ExportUnknown(NotFound):
    """There is no such export in this project."""


class ExportFolderUnusable(Conflict):
    """The folder of exports cannot be written: mend it, or set CAMEL_EXT_DATASETS__EXPORT_DIR."""


class ParquetMissing(Conflict):
    """Parquet needs pyarrow where the file is made or read: pip install 'camel-extensions[parquet]'."""
