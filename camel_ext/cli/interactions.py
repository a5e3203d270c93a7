"""`interactions`: calls that were made elsewhere, brought into the log."""

from pathlib import Path

from camel_ext.cli.command import Here
from camel_ext.cli.datasets_files import read_lines
from camel_ext.cli.output import plain, plural


def import_file(here: Here, file: Path) -> None:
    """Send a file's lines in parts; what a part brought stays, whatever becomes of the next."""
    recorded = duplicates = 0
    with here.connect(timeout_s=120.0) as client:
        for part in client.interactions.import_calls(read_lines(file)):
            recorded += part["recorded"]
            duplicates += part["duplicates"]
    if here.as_json:
        here.answer({"recorded": recorded, "duplicates": duplicates})
        return
    known = f", {duplicates} known already" if duplicates else ""
    here.out.print(f"Recorded: {plural(recorded, 'call')} of {plain(file)}{known}")
