"""Listing: which names a pattern of a shell, or a regular expression, stands for."""

from __future__ import annotations

import builtins
import fnmatch
import re
from abc import abstractmethod
from collections.abc import Callable
from typing import Literal, overload

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import is_hidden
from omega_domain.entities.version import Version
from omega_domain.errors import InvalidFilterError
from omega_domain.repository.metadata import Home, Metadata


class Listing(Home):
    """A store of objects by name, of which the names can be listed."""

    @overload
    def list(
        self,
        pattern: str | None = None,
        *,
        regexp: str | None = None,
        kind: str | None = None,
        raw: Literal[False] = False,
        hidden: bool = False,
    ) -> list[str]: ...
    @overload
    def list(
        self,
        pattern: str | None = None,
        *,
        regexp: str | None = None,
        kind: str | None = None,
        raw: Literal[True],
        hidden: bool = False,
    ) -> builtins.list[Metadata]: ...
    @overload
    def list(
        self,
        pattern: str | None = None,
        *,
        regexp: str | None = None,
        kind: str | None = None,
        raw: bool = False,
        hidden: bool = False,
    ) -> builtins.list[str] | builtins.list[Metadata]: ...
    def list(
        self,
        pattern: str | None = None,
        *,
        regexp: str | None = None,
        kind: str | None = None,
        raw: bool = False,
        hidden: bool = False,
    ) -> builtins.list[str] | builtins.list[Metadata]:
        """Return the names of the objects, sorted.

        Args:
            pattern: as of a shell: ``sales/*``; ``*``, ``?`` and nothing else have a meaning.
            regexp: a regular expression that must be found in the name.
            kind: only objects of this kind.
            raw: return metadata instead of names.
            hidden: also names of which a part starts with ``.`` or ``_``.

        Raises:
            InvalidFilterError: the regular expression is none.
        """
        matches, starts_with = _matcher(pattern, regexp), _literal_start(pattern)
        query = HeadQuery(bucket=self.bucket, prefix=self.prefix, kind=kind, starts_with=starts_with)
        found = self.context.metadata.heads(query)
        heads = [head for head in found if matches(head.key.name) and (hidden or not is_hidden(head.key.name))]
        return [self._metadata(head) for head in heads] if raw else [head.key.name for head in heads]

    @abstractmethod
    def _metadata(self, head: Head, version: Version | None = None) -> Metadata:
        """Return the metadata of the current version of an object, or of this one."""


def _literal_start(pattern: str | None) -> str | None:
    """Return the text that every name matching the pattern begins with; None if there is none."""
    return re.split(r"[*?]", pattern, maxsplit=1)[0] or None if pattern else None


def _matcher(pattern: str | None, regexp: str | None) -> Callable[[str], bool]:
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
