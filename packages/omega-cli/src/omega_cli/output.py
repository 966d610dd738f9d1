"""Output: results on stdout, as tables for people or as JSON for programs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING, Any, Final, Literal, TypeVar

import typer

from omega_cli.session import Session
from omega_domain.commands import words
from omega_domain.errors import UnsupportedOptionError

if TYPE_CHECKING:
    from omega_domain.commands.registry import Command

age, duration, moment, printable, size = words.age, words.duration, words.moment, words.printable, words.size

Subject = TypeVar("Subject")
Request = TypeVar("Request")
Result = TypeVar("Result")

_UNLIMITED = 1 << 16
_CHUNK = 1 << 20


#: What people see of the metadata of an object that was just saved.
SAVED: Final = ("name", "bucket", "kind", "version", "tags", "size")


def answer(
    ctx: typer.Context,
    command: Command[Subject, Request, Result],
    request: Request,
    columns: Sequence[str] = (),
    *,
    empty: str | Callable[[], str] = "",
    people: Callable[[Result], None] | None = None,
    shown: str = "",
) -> Result:
    """Run a command of the registry, while a terminal shows what is done; print its result as :func:`show` does.

    Returns:
        The result.
    """
    session = Session.of(ctx)
    found = session.run(command, request, shown=shown)
    show(session, found, columns, empty=empty, people=people)
    return found


def show(
    session: Session,
    result: Result,
    columns: Sequence[str] = (),
    *,
    empty: str | Callable[[], str] = "",
    people: Callable[[Result], None] | None = None,
) -> None:
    """Print the result of a command: as JSON, or for people as a table of rows or as a line for each fact.

    Args:
        session: says in which form.
        result: a dataclass, a mapping, or a tuple of rows.
        columns: which fields or properties people see, in this order; all facts by default.
        empty: what people are told if there are no rows; a function is only asked then.
        people: prints a result that is neither rows nor facts to people.
    """
    if session.as_json:
        print_json(result)
    elif people is not None:
        people(result)
    elif isinstance(result, list | tuple):
        print_rows(result, columns, empty=empty)
    else:
        print_facts(_facts(result, columns))


def print_rows(
    rows: Sequence[Any], columns: Sequence[str], *, empty: str | Callable[[], str] = "", indent: int = 0
) -> None:
    """Print records for people, as a table of some of their fields or properties."""
    if rows:
        found = [_facts(row, columns) for row in rows]
        print_table([[cell(name, row[name]) for name in columns] for row in found], columns, indent=indent)
    elif empty:
        note(empty if isinstance(empty, str) else empty())


def show_section(title: str, rows: Sequence[Any], columns: Sequence[str], *, empty: str = "none") -> None:
    """Print one of several tables for people, under a title."""
    print_line(f"{title}:" if rows else f"{title}: {empty}")
    print_rows(rows, columns, indent=2)


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print one record for people, a line for each fact."""
    print_table([[name, cell(name, value)] for name, value in facts.items()])


def show_object(session: Session, facts: Mapping[str, Any], value: Any, *, is_cut: bool = False) -> None:
    """Print an object: as people read its type, or as JSON beside the facts about it."""
    if hasattr(value, "read"):
        _print_file(value, facts, as_json=session.as_json)
    elif session.as_json:
        print_json({**facts, "value": value})
    else:
        print_line(_readable(value))
    if is_cut:
        note("there is more: --limit 0 prints all, a file name behind the name writes all")


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print_line(as_json(value, indent=2))


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON; to a terminal without what would steer it."""
    text = json.dumps(plain(value), indent=indent, ensure_ascii=False)
    return words.printable_json(text) if sys.stdout.isatty() else text


def print_line(text: str) -> None:
    """Print text and a line end; to a terminal without what would steer it."""
    _write(printable(text) if sys.stdout.isatty() else text)


def note(text: str) -> None:
    """Tell a person something that is not the result, on stderr."""
    sys.stderr.write(f"{printable(text)}\n")


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def print_table(rows: Iterable[Sequence[str]], header: Sequence[str] = (), *, indent: int = 0) -> None:
    """Print cells in columns; fitted to a terminal, else each row on one line, however long."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=width() - indent, highlight=False)
    table = Table(box=None, pad_edge=False, show_header=bool(header), header_style="bold")
    for i, name in enumerate(header or ("name", "value")):
        is_number = name in _NUMBERS
        is_whole = i == 0 or is_number or name in _WHOLE
        justify: Literal["right", "left"] = "right" if is_number else "left"
        table.add_column(Text(_heading(name)), justify=justify, no_wrap=is_whole, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(text)) for text in row))
    with console.capture() as captured:
        console.print(table)
    _write("\n".join(f"{' ' * indent}{line.rstrip()}" for line in captured.get().splitlines()))


def width() -> int:
    """Return how many characters fit on a line: those of the terminal, or any number of them elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _UNLIMITED


def cell(name: str, value: Any) -> str:
    """Return a value as people read it."""
    if value is None or value in ([], {}, ""):
        return "-"
    if name in _SIZES and isinstance(value, int):
        return size(value)
    if name in _TIMES:
        return moment(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, dict | list):
        return json.dumps(plain(value), ensure_ascii=False)
    return f"{value:,}" if name in _NUMBERS and isinstance(value, int) else str(value)


def plain(value: Any) -> Any:
    """Return a result in plain JSON types."""
    from omega_domain.commands.plain import to_plain

    return to_plain(value)


def _facts(result: Any, columns: Sequence[str]) -> dict[str, Any]:
    """Return fields and properties of a result, with times and durations as people read them."""
    if isinstance(result, Mapping):
        return {name: _shown(result.get(name)) for name in columns or result}
    if not columns:
        return dict(plain(result))
    return {name: _shown(getattr(result, name if hasattr(result, name) else f"{name}_")) for name in columns}


def _shown(value: Any) -> Any:
    if isinstance(value, timedelta):
        return duration(value)
    return moment(value) if isinstance(value, datetime) else plain(value)


def _print_file(file: IO[Any], facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a file of bytes or text without ever holding it whole: to a terminal as text, else as it is."""
    sys.stdout.flush()
    with file:
        if as_json:
            raise UnsupportedOptionError(
                f"{facts['name']!r} is a file and has no form in JSON: name a file to write it to"
            )
        if sys.stdout.isatty():
            sys.stdout.writelines(words.printable_pieces(_chunks(file)))
            return
        for chunk in _chunks(file):
            sys.stdout.buffer.write(chunk.encode() if isinstance(chunk, str) else chunk)


def _chunks(file: IO[Any]) -> Iterator[bytes | str]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _readable(value: Any) -> str:
    if hasattr(value, "to_string"):
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        return str(value.to_string(line_width=width) if hasattr(value, "columns") else value.to_string())
    if isinstance(value, dict | list):
        return json.dumps(plain(value), indent=2, ensure_ascii=False)
    return str(value)


_SIZES = frozenset({"size", "total", "exclusive", "live", "stored", "reclaimable", "current", "written", "to copy"})
_NUMBERS = _SIZES | {"version", "versions", "rows", "capacity", "waiting", "workers", "took", "attempts"}
_TIMES = frozenset({"created", "modified"})
_WHOLE = _TIMES | {"status", "age", "seen"}


def _heading(name: str) -> str:
    return f"{name} (UTC)" if name in _TIMES else name
