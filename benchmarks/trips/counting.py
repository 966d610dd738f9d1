"""Counting the calls in our own source files, and how many of them enter another file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Self

OURS = "/src/omega_"


class Trip:
    """What is called while something is done.

    Comprehensions and lambdas are part of the function around them, so that they are no calls. The caller of a function
    is the nearest frame in our files, whatever library lies between the two.

    Attributes:
        calls: how many calls there were.
        functions: names of the functions, each with its file.
        files: the files that were entered.
        hops: how many of the calls entered another file than that of their caller.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.functions: set[str] = set()
        self.files: set[str] = set()
        self.hops = 0

    @contextmanager
    def counted(self) -> Iterator[Self]:
        """Count in this thread, and in those that begin meanwhile."""
        threading.setprofile(self.see)
        sys.setprofile(self.see)
        try:
            yield self
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def see(self, frame: FrameType, event: str, _: object) -> None:
        """Count an event of :func:`sys.setprofile`."""
        code = frame.f_code
        if event != "call" or not _is_counted(code):
            return
        self.calls += 1
        self.functions.add(f"{code.co_filename}:{code.co_qualname}:{code.co_firstlineno}")
        self.files.add(code.co_filename)
        caller = _caller(frame)
        self.hops += caller is not None and caller != code.co_filename

    def __add__(self, other: Trip) -> Trip:
        """Return the trip that goes on with another one."""
        both = Trip()
        both.calls, both.hops = self.calls + other.calls, self.hops + other.hops
        both.functions, both.files = self.functions | other.functions, self.files | other.files
        return both

    def to_plain(self) -> dict[str, int | list[str]]:
        """Return the trip in the form of JSON."""
        return {
            "calls": self.calls,
            "functions": sorted(self.functions),
            "files": sorted(self.files),
            "hops": self.hops,
        }


def second(do: Callable[[], object]) -> Trip:
    """Do something twice; return what the second time called, when modules and connections are there."""
    do()
    with Trip().counted() as trip:
        do()
    return trip


def _is_counted(code: CodeType) -> bool:
    return OURS in code.co_filename and not code.co_name.startswith("<")


def _caller(frame: FrameType) -> str | None:
    before = frame.f_back
    while before is not None and OURS not in before.f_code.co_filename:
        before = before.f_back
    return before.f_code.co_filename if before is not None else None
