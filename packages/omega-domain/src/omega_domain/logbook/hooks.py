"""Listening to this process: what is logged, printed and warned, told apart by who runs it, while somebody listens.

Streams, warnings and the logging module belong to the process, so there is one set of hooks for it. They are in place
only as long as somebody listens, and let everything through to where it went before: the console sees what it would
have seen without them.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TextIO, cast

from omega_domain.logbook.writer import is_unheard, unheard
from omega_domain.repository.attempts import current_task


class Listener(Protocol):
    """Who wants to know what is logged and printed."""

    @property
    def level(self) -> int:
        """Number of the lowest level that it wants to know of."""

    def hear_record(self, record: logging.LogRecord) -> None:
        """Take a record of the logging module, of any level."""

    def hear_text(self, stream: str, text: str) -> None:
        """Take what is written to ``stdout`` or ``stderr``."""

    def hear_warning(self, text: str) -> None:
        """Take a warning."""


@dataclass(frozen=True, eq=False, slots=True)
class _Seat:
    """A listener, and what was there before it came."""

    listener: Listener
    process: int = field(default_factory=os.getpid)
    threads: frozenset[threading.Thread] = field(default_factory=lambda: frozenset(threading.enumerate()))


_LOGGERS: Final[Any] = logging.Logger
#: A ContextVar, because the calls that are heard are print() and logging in the user's code, which take no argument.
_seat: ContextVar[_Seat | None] = ContextVar("omega_listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let somebody listen to what is logged and printed by this block, and by threads that it starts.

    A thread is told apart by its context. One that was started meanwhile without a context belongs to the only one who
    listens; if several do, it belongs to nobody.
    """
    seat = _Seat(listener)
    token = _seat.set(seat)
    _HOOKS.add(seat)
    try:
        yield
    finally:
        _HOOKS.remove(seat)
        _seat.reset(token)


def current_listener() -> Listener | None:
    """Return who listens to what is logged and printed here; None if nobody does."""
    if is_unheard():
        return None
    seat = _seat.get() or _HOOKS.adopting_seat()
    # a process that was forked off writes to nobody's store
    return seat.listener if seat is not None and seat.process == os.getpid() else None


class _Hooks:
    """The hooks of this process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._seats: list[_Seat] = []
        self._placed: list[_Hook] = []
        self._root = _RootLevel()

    def add(self, seat: _Seat) -> None:
        with self._lock:
            if not self._seats:
                self._placed = [_Streams("stdout"), _Streams("stderr"), _Warnings(), _Handlers(self._root)]
            self._seats = [*self._seats, seat]
            self._root.lower(seat.listener.level for seat in self._seats)

    def remove(self, seat: _Seat) -> None:
        with self._lock:
            self._seats = [other for other in self._seats if other is not seat]
            self._root.lower(seat.listener.level for seat in self._seats)
            if not self._seats:
                for hook in self._placed:
                    hook.remove()

    def adopting_seat(self) -> _Seat | None:
        """Return the only one who listens, if this thread was started meanwhile and runs no task of its own."""
        seats = self._seats
        if len(seats) != 1 or current_task() is not None or threading.current_thread() in seats[0].threads:
            return None
        return seats[0]


class _Hook(Protocol):
    def remove(self) -> None:
        """Put back what was there before, unless somebody has replaced it meanwhile; then this passes all on."""


class _Streams:
    """Puts itself in the place of a stream."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream = _stream(name)
        self._is_placed = self._stream is not None
        if self._is_placed:
            setattr(sys, name, self)

    def remove(self) -> None:
        if getattr(sys, self._name) is self:
            setattr(sys, self._name, self._stream)

    def write(self, text: str, /) -> int:
        listener = current_listener()
        if listener is not None and isinstance(text, str):
            listener.hear_text(self._name, text)
        with unheard():
            return self._stream.write(text)

    def writelines(self, lines: Iterable[str], /) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Stand for the stream of this name, wherever an object that holds it is loaded."""
        return _stream, (self._name,)


def _stream(name: str) -> TextIO:
    return cast("TextIO", getattr(sys, name))


class _Warnings:
    """Puts itself in the place of what shows warnings."""

    def __init__(self) -> None:
        self._show = warnings.showwarning
        warnings.showwarning = self

    def remove(self) -> None:
        if warnings.showwarning is self:
            warnings.showwarning = self._show

    def __call__(  # noqa: PLR0917 -- the signature of the standard library
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        listener = current_listener()
        if listener is not None:
            listener.hear_warning(f"{category.__name__}: {message} ({filename}:{lineno})")
        with unheard():
            self._show(message, category, filename, lineno, file, line)


class _Handlers:
    """Hears records before the handlers of the logging module do, of which a task may set up its own."""

    def __init__(self, root: _RootLevel) -> None:
        call_handlers: Callable[[logging.Logger, logging.LogRecord], None] = _LOGGERS.callHandlers

        def hear(logger: logging.Logger, record: logging.LogRecord) -> None:
            listener = current_listener()
            if listener is not None:
                listener.hear_record(record)
            if root.would_let_through(logger, record):
                with unheard():
                    call_handlers(logger, record)

        self._before, self._hear = call_handlers, hear
        _LOGGERS.callHandlers = hear

    def remove(self) -> None:
        if _LOGGERS.callHandlers is self._hear:
            _LOGGERS.callHandlers = self._before


class _RootLevel:
    """The level of the root logger, which is lowered so that records come into being; handlers do not notice."""

    def __init__(self) -> None:
        self._own = self._lowered = logging.NOTSET
        self._is_lowered = False

    def lower(self, levels: Iterable[int]) -> None:
        """Make sure that records of these levels come into being; without any, put back what was there before."""
        wanted, root = list(levels), logging.root
        if not self._is_lowered:
            self._own = self._lowered = root.level
        if root.level == self._lowered:  # else the task has set it, and has it so
            self._lowered = min([self._own, *wanted])
            root.setLevel(self._lowered)
        self._is_lowered = bool(wanted)

    def would_let_through(self, logger: logging.Logger, record: logging.LogRecord) -> bool:
        """Tell whether the record would have come into being without us."""
        if not self._is_lowered or logging.root.level != self._lowered:
            return True
        deciding: logging.Logger | None = logger
        while deciding is not None and not deciding.level:
            deciding = deciding.parent
        return deciding is not logging.root or record.levelno >= self._own


_HOOKS: Final = _Hooks()
