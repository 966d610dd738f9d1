"""Rights: what a subject may do with which objects, ``models:promote@prod/sales-*``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from omega_domain.errors import InvalidRightError

ANY: Final = "*"
KINDS: Final = ("datasets", "models", "jobs", "scripts", "services", "runtime", "context", ANY)
VERBS: Final = ("read", "write", "run", "promote", "admin")
#: Begins the verb that names as what an object may be approved.
APPROVE: Final = "approve."

_GRAMMAR: Final = "<kind>:<verb>[@<bucket>[/<name pattern>]]"
_FORM: Final = re.compile(
    r"(?P<kind>[^:@/]+):(?P<verb>[^:@/]+)(?:@(?P<bucket>[^@/]+)(?:/(?P<pattern>[^@]+))?)?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Right:
    """A right, in the grammar ``<kind>:<verb>[@<bucket>[/<name pattern>]]``.

    Attributes:
        kind: one of :data:`KINDS`; ``*`` stands for all.
        verb: one of :data:`VERBS`, or ``approve.<role>``; ``approve.*`` stands for all roles.
        bucket: the bucket of the objects; None stands for all buckets.
        pattern: pattern of the objects' names, in which ``*`` and ``?`` have the meaning of a shell; None stands for
            all names.

    Raises:
        InvalidRightError: there is no such kind or verb, or a pattern has no bucket.
    """

    kind: str
    verb: str
    bucket: str | None = None
    pattern: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidRightError(f"there are no rights on {self.kind!r}; there are: {', '.join(KINDS)}")
        if self.verb not in VERBS and not (self.verb.startswith(APPROVE) and self.verb != APPROVE):
            raise InvalidRightError(f"a right to {self.verb!r} is unknown; there are: {', '.join(VERBS)}, approve.ROLE")
        if self.pattern is not None and self.bucket is None:
            raise InvalidRightError(f"the right on names like {self.pattern!r} says no bucket: write {_GRAMMAR}")

    @classmethod
    def parse(cls, text: str) -> Right:
        """Return the right that a text stands for.

        Raises:
            InvalidRightError: the text breaks the grammar.
        """
        return cls.made_of(text, lambda part: part)

    @classmethod
    def made_of(cls, template: str, fill: Callable[[str], str]) -> Right:
        """Return the right that a template stands for: a text in the grammar, of which each part is filled by itself.

        What a part is filled with may hold any character, since the grammar is read before.

        Raises:
            InvalidRightError: the template breaks the grammar, or a part was filled with what it can not be.
        """
        match = _FORM.fullmatch(template)
        if match is None:
            raise InvalidRightError(f"{template!r} is no right: write {_GRAMMAR}, such as models:promote@prod/sales-*")
        bucket, pattern = (part and fill(part) for part in match.group("bucket", "pattern"))
        return cls(fill(match["kind"]), fill(match["verb"]), bucket, pattern)

    def covers(self, other: Right) -> bool:
        """Tell whether a subject that holds this right holds the other one, too."""
        return (
            self.kind in {ANY, other.kind}
            and (self.verb == other.verb or (self.verb == APPROVE + ANY and other.verb.startswith(APPROVE)))
            and self.bucket in {None, other.bucket}
            and (self.pattern is None or (other.pattern is not None and _contains(self.pattern, other.pattern)))
        )

    def __str__(self) -> str:
        where = "" if self.bucket is None else f"@{self.bucket}"
        return f"{self.kind}:{self.verb}{where}" + ("" if self.pattern is None else f"/{self.pattern}")


def _contains(pattern: str, other: str) -> bool:
    """Tell whether a pattern matches all names that another pattern matches.

    A ``?`` must not meet a ``*``, which stands for any number of characters.
    """
    pieces = {"*": ".*", "?": "[^*]"}
    whole = "".join(pieces.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(whole, other, re.DOTALL) is not None
