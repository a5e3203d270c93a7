"""The toolbox under every room: database, write gate, journal, queue, doors, errors, tenancy.

It is entered by file (`from camel_ext.core.errors import NotFound`), knows no room, and is not the
place for anything about agents, models or runs.
"""
