"""Completion: names of objects, buckets, contexts and kinds, for the shell. Silent if they can not be read."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import typer

from omega_cli.session import STORES, Session, store_name

if TYPE_CHECKING:
    from omega_domain.stores import OmegaStore
    from omega_ml.contexts import ContextFacts

_RECENT = 50


def _of_store(store: str = "") -> Callable[[typer.Context, str], list[str]]:
    """Return what completes the name of an object of a store; by default of the one that the command is about."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        return _matching(incomplete, lambda: _names(_store(ctx, store), incomplete))

    return complete


objects, datasets, models, scripts = (_of_store(), *map(_of_store, ("datasets", "models", "scripts")))
promotable = objects


def tasks(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of one of the last tasks."""
    return _matching(incomplete, lambda: (record.id for record in Session.of(ctx).omega.runtime.recent(_RECENT)))


def objects_by_store(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of an object with its store: ``models/m``."""

    def names() -> list[str]:
        stores = dict.fromkeys(STORES.values())
        omega, typed = Session.of(ctx).omega, incomplete.partition("/")[2]
        return [f"{store}/{name}" for store in stores for name in _names(getattr(omega, store), typed)]

    return _matching(incomplete, names)


def buckets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a bucket."""
    return _matching(incomplete, lambda: Session.of(ctx).omega.buckets)


def contexts(incomplete: str) -> list[str]:
    """Complete the name of a context."""
    return _matching(incomplete, lambda: (facts.name for facts in _facts()))


def described(incomplete: str) -> list[str]:
    """Complete the name of a context that a file describes."""
    return _matching(incomplete, lambda: (facts.name for facts in _facts() if facts.files))


def kinds(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a kind of objects."""
    return _matching(incomplete, lambda: Session.of(ctx).omega.context.registry.kinds)


def _store(ctx: typer.Context, name: str) -> OmegaStore:
    store: OmegaStore = getattr(Session.of(ctx).omega, name or store_name(ctx))
    return store


def _names(store: OmegaStore, typed: str) -> list[str]:
    """Return the names of a store; hidden ones only to who types one, as shells do with files."""
    from omega_domain.entities.names import is_hidden

    names: list[str] = store.list(hidden=is_hidden(typed))
    return names


def _facts() -> list[ContextFacts]:
    from omega_ml.contexts import Contexts

    return Contexts().list()


def _matching(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    try:
        with warnings.catch_warnings(action="ignore"):
            return [name for name in names() if name.startswith(incomplete) and name.isprintable()]
    except Exception:  # noqa: BLE001 -- a message would land in the command line that is being typed
        return []
