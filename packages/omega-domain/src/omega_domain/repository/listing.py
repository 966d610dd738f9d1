"""Listing: which names a pattern of a shell, or a regular expression, stands for."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from omega_domain.errors import InvalidFilterError


def literal_start(pattern: str | None) -> str | None:
    """Return the text that every name matching the pattern begins with; None if there is none."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0] or None if pattern else None


def name_matcher(pattern: str | None, regexp: str | None) -> Callable[[str], bool]:
    """Return a function that tells whether a name matches the whole pattern and holds the regular expression.

    Raises:
        InvalidFilterError: the regular expression is none.
    """
    try:
        found = re.compile(regexp).search if regexp else None
    except re.error as error:
        raise InvalidFilterError(f"{regexp!r} is not a regular expression: {error}") from error
    whole = re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match if pattern else None
    return lambda name: (whole is None or bool(whole(name))) and (found is None or bool(found(name)))
