"""Layers of settings: what each source has written, and the values that follow from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from omega_domain.errors import SettingsError
from omega_ml import secrets
from omega_ml.project_rules import ASKED, check_reach
from omega_ml.setting_forms import Form, show, show_written

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """A value, and what set it: an argument, a variable of the environment, a file, or the default.

    Attributes:
        value: the value; with references to secrets in it as it was written, until it is resolved.
        source: what set it.
        look_up: returns the value with the secrets in it, from the environment; None if it refers to none.
        written: what to show in place of the value, once that has secrets in it.
    """

    value: T
    source: str
    look_up: Callable[[Mapping[str, str]], T] | None = field(default=None, compare=False)
    written: T | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Setting({self.shown!r}, {self.source!r})"

    @property
    def shown(self) -> str:
        """The value as text for people; references stay references, and other secrets are redacted."""
        return show(self.value if self.written is None else self.written)

    def resolved(self, environ: Mapping[str, str] | None = None) -> Setting[T]:
        """Return it with the secrets that it refers to.

        Raises:
            SettingsError: one is not there, or makes no value of the right form.
        """
        if self.look_up is None:
            return self
        return Setting(self.look_up(os.environ if environ is None else environ), self.source, written=self.value)


def environment_name(setting: str) -> str:
    """Return the variable of the environment that sets a setting."""
    return f"OMEGA_{setting.upper()}"


@dataclass(frozen=True, slots=True)
class Layer:
    """Values of one source, as they were written there.

    Attributes:
        values: by name.
        source: what people call it.
        folder: where relative paths start from.
        project: the file of a project that the user has not allowed, if they come from one.
        has_store: whether the store that is used comes from that file, too.
    """

    values: Mapping[str, Any] = field(repr=False)  # as they were written, so there may be secrets among them
    source: str
    folder: Path
    project: Path | None = None
    has_store: bool = False

    def origin(self, name: str) -> str:
        """Return what people call the source of a setting."""
        return environment_name(name) if self.source == "environment" else self.source

    def setting(self, name: str, form: Form) -> Setting[Any]:
        """Return a setting of this layer. Raises SettingsError."""
        raw, source = self.values[name], self.origin(name)

        def look_up(environ: Mapping[str, str]) -> Any:
            with _refused(name, raw, source):
                if self.project is not None:
                    check_reach(name, value, self.project, has_store=self.has_store)
                found = secrets.resolve(value, environ)
                return form.parse(found, self.folder) if form.references == "text" else found

        with _refused(name, raw, source):
            if form.references != "none":
                secrets.check(raw)
            value = raw if form.references == "text" and secrets.refers(raw) else form.parse(raw, self.folder)
            if not secrets.refers(value):
                return Setting(value, source, look_up if self.project is not None and name in ASKED else None)
            if form.references == "none":
                raise ValueError(f"no secret can stand here; {environment_name(name)} sets it from the environment")
            secrets.check(value)
            return Setting(value, source, look_up)


@contextmanager
def _refused(name: str, raw: Any, source: str) -> Iterator[None]:
    """Name the setting of a wrong value, and the source that set it, in the error."""
    try:
        yield
    except ValueError as error:
        shown = show_written(name, raw)
        said = str(error) if shown == str(raw) else str(error).replace(str(raw), shown)
        # The first error may quote a secret, so it is no cause that a traceback would print.
        raise SettingsError(f"{name} = {shown!r} ({source}): {said}") from None
