"""What a version keeps of a frame whose rows are documents: a collection, and a set of rows for each put or append."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from omega_backends.frames.segment_facts import SegmentFacts
from omega_domain.entities.version import Part
from omega_domain.ports.payloads import Payloads

MAX_LABELS: Final = 1_000
"""Labels of categories up to which they are kept in the version itself; more are kept in a blob beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsFacts:
    """What is known of a set of rows.

    Attributes:
        facts: number of rows, encodings of object columns, labels of categories.
        forms: how times are kept, by column; those that are not here are dates.
        labels: SHA-256 of the blob with the labels, if they are many; else empty.
    """

    facts: SegmentFacts
    forms: Mapping[str, str]
    labels: str = ""

    def to_plain(self) -> dict[str, Any]:
        """Return this in plain JSON types."""
        plain: dict[str, Any] = {"format": 1, "rows": self.facts.rows}
        if self.facts.encodings:
            plain["as"] = {name: dict(encoding) for name, encoding in self.facts.encodings.items()}
        if self.labels:
            plain["labels"] = self.labels
        elif self.facts.categories:
            plain["categories"] = {name: list(labels) for name, labels in self.facts.categories.items()}
        plain |= {"freqs": dict(self.facts.freqs)} if self.facts.freqs else {}
        return plain | ({"forms": dict(self.forms)} if self.forms else {})

    @classmethod
    def of(cls, part: Part, payloads: Payloads) -> RowsFacts:
        """Return what is known of the rows of a part."""
        plain = part.meta
        labels = plain.get("labels", "")
        facts = SegmentFacts(
            rows=plain["rows"],
            encodings=plain.get("as", {}),
            categories=_read_labels(labels, payloads) if labels else plain.get("categories", {}),
            freqs=plain.get("freqs", {}),
        )
        return cls(facts=facts, forms=plain.get("forms", {}), labels=labels)


def row_parts(parts: Iterable[Part]) -> list[Part]:
    """Return those of the parts that are sets of rows."""
    return [part for part in parts if part.type == "documents"]


def collection_part(parts: Iterable[Part]) -> Part:
    """Return the part that is the collection of the rows; it comes first, so that of many pages few are read."""
    return next(part for part in parts if part.type == "collection")


def with_facts(part: Part, known: RowsFacts, payloads: Payloads) -> list[Part]:
    """Return the parts for a set of rows: itself, and a blob if its categories have many labels."""
    if sum(map(len, known.facts.categories.values())) <= MAX_LABELS:
        return [replace(part, meta=replace(known, labels="").to_plain())]
    text = json.dumps(known.facts.categories, ensure_ascii=True).encode()
    blob = payloads.write(lambda file: file.write(text))
    return [replace(part, meta=replace(known, labels=blob.ref).to_plain()), blob]


def _read_labels(blob: str, payloads: Payloads) -> dict[str, Any]:
    with payloads.open(Part(type="blob", ref=blob, sha256=blob)) as file:
        found: dict[str, Any] = json.load(file)
    return found
