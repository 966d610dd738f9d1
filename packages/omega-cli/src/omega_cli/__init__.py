"""The ``om`` command: parse, call, print."""
