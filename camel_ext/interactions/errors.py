"""What can be wrong with asking the log."""

from camel_ext.core.errors import Conflict, Invalid, NotFound, Unavailable


class InteractionUnknown(NotFound):
    """There is no such interaction in this project."""


class LineInvalid(Invalid):
    """A line of calls to import cannot be read: nothing of the request was kept."""


class InteractionErased(Conflict):
    """Its prompt and answer were erased for good by the project's retention; its row is kept."""


class ArchiveUnknown(NotFound):
    """There is no such archive in this project."""


class ArchiveUnreadable(Unavailable):
    """A file of the archive is not there, or not what was written: bring it back to its folder."""


class ArchiveAway(ArchiveUnreadable):
    """A file of the archive is not here: bring it back, or export with skip_missing=true without it."""


class ArchiveFolderUnusable(Conflict):
    """The folder of archives cannot be written: mend it, or set CAMEL_EXT_INTERACTIONS__ARCHIVE_DIR."""


class ArchiveBusy(Conflict):
    """The archive is on its way to or from its file: wait until it has arrived."""


class SweepUnknown(NotFound):
    """There is no such sweep in this project."""


class SweepUnderWay(Conflict):
    """Another sweep of this project's log has not ended: wait for it, or cancel it."""


class RetentionMissing(NotFound):
    """The project has no retention: say how long its calls are kept, or how old with the sweep."""


class RetentionTakesAgain(Conflict):
    """The project's retention would archive again what is brought back: change or end it first."""


class ParquetMissing(Conflict):
    """Archives need pyarrow where they are written or read: pip install 'camel-extensions[parquet]'."""
