"""`python -m camel_ext.cli`: the command line, where the command is not on the path."""

from camel_ext.cli import main

if __name__ == "__main__":
    main()
