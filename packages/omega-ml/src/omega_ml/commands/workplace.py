"""Workplace: what there is before a context is opened: settings, the contexts that are described, and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omega_ml.composition import key_ring
from omega_ml.contexts import Contexts
from omega_ml.keys import FolderKeyRing
from omega_ml.settings import Settings, load_settings


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Where a user or a program works. Nothing is connected, and no secret is looked up.

    Attributes:
        given: settings by argument, such as context, bucket and home; None counts as not given.
        environ: the environment; by default that of this process.
        folder: where the search for the project's ``omega.toml`` begins; by default the current folder.
    """

    given: Mapping[str, Any] = field(default_factory=dict, repr=False)  # both may hold secrets
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    folder: Path | None = None

    @property
    def settings(self) -> Settings:
        """The settings that hold here. Raises SettingsError."""
        return load_settings(self.given, environ=self.environ, folder=self.folder)

    @property
    def contexts(self) -> Contexts:
        """The contexts that are described here."""
        return Contexts(self.environ, self.folder)

    @property
    def keys(self) -> FolderKeyRing:
        """The keys of the context that is used. Raises SettingsError."""
        return key_ring(self.settings)
