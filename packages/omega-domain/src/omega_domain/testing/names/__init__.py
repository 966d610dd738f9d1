"""Contract of names on any pair of MetadataStore and Store: every verb understands a name to its end, or refuses it.

A subclass gives the fixtures ``context`` and ``other_context`` (two empty contexts with a :class:`ManualClock`).
"""

from __future__ import annotations

from omega_domain.testing.names.grammar import NamesContract
from omega_domain.testing.names.hidden import HIDDEN, HiddenNamesContract
from omega_domain.testing.names.tables import BlindBackend, Table, TableBackend
from omega_domain.testing.names.verbs import (
    DISORDERED,
    NEW,
    OLD,
    OTHERS,
    PIECES,
    READERS,
    VERBS,
    VERSIONS,
    Stage,
    Verb,
)

__all__ = [
    "DISORDERED",
    "HIDDEN",
    "NEW",
    "OLD",
    "OTHERS",
    "PIECES",
    "READERS",
    "VERBS",
    "VERSIONS",
    "BlindBackend",
    "HiddenNamesContract",
    "NamesContract",
    "Stage",
    "Table",
    "TableBackend",
    "Verb",
]
