"""Rules for what the file of a project may say as long as the user has not allowed it.

It may come from somebody else, such as with a clone. So what decides whom is trusted may only be tightened by it, and
it reaches no secrets and no servers without being asked about.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from omega_domain.trust import ANY, FORMATS_ONLY
from omega_ml import secrets

#: Settings that a project may only tighten.
TIGHTENED: Final = ("trust", "code", "trusted_keys", "trusted_types", "keys", "gates")
#: Settings that lead to servers, or to modules and files that are loaded; a broker and options for its own store are
#: left to the project.
ASKED: Final = ("broker_url", "mongo_options", "celeryconf")
_OF_STORE: Final = ("broker_url", "mongo_options")


def is_as_strict(name: str, value: Any, own: Any) -> bool:
    """Tell whether a value that a project sets is at least as strict as what would hold without it."""
    if value == own:
        return True
    if name == "trust":
        return bool(own == ANY)
    if name == "code":
        return bool(value == FORMATS_ONLY)
    if name == "gates":
        return all(set(texts) <= set(value.get(bucket, {}).get(store, ())) for bucket, store, texts in _demands(own))
    return name != "keys" and set(value) <= set(own)


def check_reach(name: str, value: Any, path: Path, *, has_store: bool) -> None:
    """See that a setting of a project's file reaches nothing that it has to be allowed for.

    Args:
        name: of the setting.
        value: as it was written.
        path: of the file.
        has_store: whether the store that is used comes from that file, too.

    Raises:
        ValueError: it does; the message says how to allow it.
    """
    if name in ASKED and not (has_store and name in _OF_STORE):
        raise ValueError(f"a project's file leads to no servers and modules before you allow it: {_allow(path)}")
    for place, what in secrets.references(value):
        inside = place == "file" and Path(what).expanduser().resolve().is_relative_to(path.parent.resolve())
        if not inside:
            raise ValueError(
                f"a project's file reaches no secret outside of its folder before you allow it: {_allow(path)}"
            )


def loosened(names: Iterable[str], path: Path) -> str:
    """Return the words that say that settings of a project's file are not followed."""
    listed = ", ".join(names)
    return f"{path} would loosen {listed}, which a project may only tighten before you allow it: {_allow(path)}"


def _allow(path: Path) -> str:
    return f"read it, then om context allow {shlex.quote(str(path))}"


def _demands(gates: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, Any]]:
    return [(bucket, store, texts) for bucket, table in gates.items() for store, texts in table.items()]
