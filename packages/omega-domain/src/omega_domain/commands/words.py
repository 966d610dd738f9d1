"""Words for people: sizes, times, durations and counts as they are read, in terminals and on pages."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP: Final = 1000
_MILLI: Final = 1000
_ONE_DECIMAL: Final = 10
#: What a terminal acts on instead of showing it: controls (Cc) but for tabs and line ends, formats (Cf, those of
#: Unicode 16) such as those that turn the direction of writing, separators of lines, surrogates.
_STEERING: Final = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u180e"
    "\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ud800-\\udfff\\ufeff\\ufff9-\\ufffb\\U000110bd\\U000110cd"
    "\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e007f]"
)
_BYTE: Final = 0xFF
_PLANE: Final = 0xFFFF


def size(count: int) -> str:
    """Return a number of bytes in the unit that fits: ``12.3 MB``."""
    value, unit = float(count), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def moment(value: datetime | str) -> str:
    """Return a time to the second, in UTC."""
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{when:%Y-%m-%d %H:%M:%S}"


def duration(took: timedelta | None) -> str | None:
    """Return how long something took as people say it: ``340 ms``, ``2.5 s``, ``3 min 20 s``; None from None."""
    if took is None:
        return None
    seconds = max(0.0, took.total_seconds())
    if round(seconds, 3) < 1:
        return f"{seconds * _MILLI:.0f} ms"
    return f"{seconds:.1f} s" if seconds < _ONE_DECIMAL else _in_units(round(seconds), units=2)


def age(when: datetime, now: datetime) -> str:
    """Return how long ago something was, in the unit that fits: ``3 s``."""
    return _in_units(max(0, round((now - when).total_seconds())), units=1)


def progress(said: Mapping[str, Any] | None) -> str | None:
    """Return how far a task says it is: ``30 of 100 (30 %): loading``; None if it says nothing."""
    if not said:
        return None
    done, total, note = said["done"], said["total"], said["note"]
    share = f" of {_number(total)} ({100 * done / total:.0f} %)" if total else ""
    return f"{_number(done)}{share}{f': {note}' if note else ''}"


def counted(counts: Mapping[Any, int]) -> str:
    """Return how many there are of what: ``3 SUCCESS, 1 FAILURE``; ``none`` if there are none."""
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "none"


def printable(text: str) -> str:
    """Return text without what would steer a terminal; line ends and tabs stay."""
    return _STEERING.sub(_escaped, text.replace("\r\n", "\n"))


def printable_json(text: str) -> str:
    """Return JSON that means the same and does not steer a terminal; other text stays readable."""
    return _STEERING.sub(lambda found: json.dumps(found[0])[1:-1].replace("\x7f", "\\u007f"), text)


def printable_pieces(pieces: Iterable[bytes | str]) -> Iterator[str]:
    """Return the pieces of a file as text that does not steer a terminal; bytes that are no UTF-8 are escaped."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for piece in pieces:
        yield printable(piece if isinstance(piece, str) else decoder.decode(piece))
    yield printable(decoder.decode(b"", final=True))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= _BYTE else f"\\u{code:04x}" if code <= _PLANE else f"\\U{code:08x}"


def _in_units(seconds: int, *, units: int) -> str:
    """Return a time in its greatest units: ``2 h 5 min``; what is zero behind the first is left out."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    counts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((i for i, (count, _) in enumerate(counts) if count), len(counts) - 1)
    found = counts[first : first + units]
    return " ".join(f"{count} {unit}" for i, (count, unit) in enumerate(found) if count or i == 0)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
