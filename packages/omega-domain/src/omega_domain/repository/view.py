"""Views: what a store shows to whoever it was handed to, beside what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omega_domain.entities.names import ObjectKey, ObjectRef
from omega_domain.ports.backend import DataBackend
from omega_domain.repository.metadata import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """An object that is being put.

    Attributes:
        key: of the object.
        backend: puts it.
        attributes: that it is to have, beside those that it has.
        tag: a name for the new version.
    """

    key: ObjectKey
    backend: type[DataBackend]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a store knows beside what is stored; another one is made by :func:`dataclasses.replace`.

    Attributes:
        pinned: names whose metadata was found already, and is not looked for again.
        transient: names that stand for objects which are stored nowhere.
        staged: the object that is being put, to the backend that puts it.
        may_reserve: whether names are free that the runtime keeps to itself.
    """

    pinned: Mapping[str, Metadata] = field(default_factory=dict)
    transient: Mapping[str, Any] = field(default_factory=dict)
    staged: Staged | None = None
    may_reserve: bool = False

    def find(self, ref: ObjectRef) -> Metadata | None:
        """Return the metadata that a name stands for, if it is known already."""
        return self.pinned.get(ref.name) if ref.version is None and not ref.back else None

    def staged_at(self, key: ObjectKey) -> Staged | None:
        """Return the put of this object, if one is under way."""
        return self.staged if self.staged is not None and self.staged.key == key else None
