"""Listing: which names a pattern of a shell, or a regular expression, stands for."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import is_hidden
from omega_domain.errors import InvalidFilterError
from omega_domain.ports.metadata import MetadataStore


def list_heads(
    metadata: MetadataStore,
    bucket: str,
    prefix: str,
    *,
    pattern: str | None,
    regexp: str | None,
    kind: str | None,
    hidden: bool,
) -> list[Head]:
    """Return the heads of a store whose names match, sorted by name.

    Raises:
        InvalidFilterError: the regular expression is none.
    """
    matches = name_matcher(pattern, regexp)
    found = metadata.heads(HeadQuery(bucket=bucket, prefix=prefix, kind=kind, starts_with=literal_start(pattern)))
    return [head for head in found if matches(head.key.name) and (hidden or not is_hidden(head.key.name))]


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
