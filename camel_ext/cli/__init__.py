"""The command line, `camel-ext`: everything a person does with the platform, from a terminal.

It talks to a server over the HTTP API, through the Python client, and starts the processes (`up`,
`worker`). It holds no business of its own and reads no database, but for `doctor`, which looks.
"""


def main() -> None:
    """Run the command line and exit with its code (docs/guide/cli.md lists them)."""
    from camel_ext.cli.program import program

    program(prog_name="camel-ext")


__all__ = ["main"]
