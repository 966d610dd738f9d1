"""What is kept of a segment beside its bytes, so that it can be skipped, checked and decoded without asking others.

Opening a segment begins with these facts, some of which may be in the segment itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any

from omega_backends.frames.index import Field
from omega_backends.frames.objects import Encoding, common_encoding
from omega_backends.frames.parquet import NO_FOOTER, ColumnStatistics, Footer, Segment, Written, statistics
from omega_backends.frames.pruning import UNKNOWN, merged, usable
from omega_domain.entities.version import Part
from omega_domain.ports.payloads import Payloads

#: How the blob of a part is opened.
Opener = Callable[[Part], IO[bytes]]

#: Frames with more columns keep statistics in the Parquet footer only, so that metadata stay small.
MAX_COLUMNS = 256
#: A segment that adds more labels to the categories of a column keeps them in its own footer.
MAX_LABELS = 1_000
_SMALL_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFacts:
    """Facts about one segment.

    Attributes:
        rows: how many rows it has.
        footer: size and checksum of its footer.
        bounds: statistics of the columns, by name.
        encodings: how the cells of object columns are written.
        categories: labels of categories that this segment has, or only those that the segments before it do not have.
        in_file: columns whose labels are so many that they are kept in the segment's own footer.
        freqs: frequency of those labels that are times and have one.
    """

    rows: int
    footer: Footer = NO_FOOTER
    bounds: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    encodings: Mapping[str, Encoding] = field(default_factory=dict)
    categories: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    in_file: frozenset[str] = frozenset()
    freqs: Mapping[str, str] = field(default_factory=dict)

    def about(self, written: Written, fields: Sequence[Field]) -> SegmentFacts:
        """Return these facts with those about what was written."""
        bounds: dict[str, ColumnStatistics] = {}
        if len(fields) <= MAX_COLUMNS and written.rows:
            groups = [statistics(written.metadata, group) for group in range(written.metadata.num_row_groups)]
            for column in fields:
                every = [usable(group.get(column.name, UNKNOWN), column.dtype) for group in groups]
                bounds[column.name] = every[0] if len(every) == 1 else merged(every)
        return replace(self, footer=written.footer, bounds=bounds)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], fields: Sequence[Field]) -> SegmentFacts:
        """Rebuild from :meth:`to_plain`."""
        bounds = zip(fields, plain.get("bounds", ()), strict=False)
        return cls(
            rows=plain["rows"],
            footer=Footer(*plain["footer"]),
            bounds={column.name: ColumnStatistics(*bound) for column, bound in bounds if bound is not None},
            encodings=plain.get("as", {}),
            categories=plain.get("categories", {}),
            in_file=frozenset(plain.get("in_file", ())),
            freqs=plain.get("freqs", {}),
        )

    def to_plain(self, fields: Sequence[Field]) -> dict[str, Any]:
        """Return this in plain JSON types; bounds are in the order of the columns, to be short."""
        plain: dict[str, Any] = {"rows": self.rows, "footer": [self.footer.size, self.footer.crc]}
        bounds = [self.bounds.get(column.name, UNKNOWN) for column in fields]
        if any(bound != UNKNOWN for bound in bounds):
            plain["bounds"] = [None if one == UNKNOWN else [one.nulls, one.low, one.high] for one in bounds]
        if self.encodings:
            plain["as"] = {name: dict(encoding) for name, encoding in self.encodings.items()}
        few = {name: list(labels) for name, labels in self.categories.items() if labels and name not in self.in_file}
        plain |= {"categories": few} if few else {}
        plain |= {"in_file": sorted(self.in_file)} if self.in_file else {}
        return plain | ({"freqs": dict(self.freqs)} if self.freqs else {})

    @property
    def many(self) -> frozenset[str]:
        """Columns with more labels than metadata should hold."""
        return frozenset(name for name, labels in self.categories.items() if len(labels) > MAX_LABELS)

    def without_known(self, before: SegmentFacts) -> SegmentFacts:
        """Return these facts with only those labels of categories that the segments before do not have."""
        added = {name: unknown(labels, before.categories.get(name, ())) for name, labels in self.categories.items()}
        freqs = {name: freq for name, freq in self.freqs.items() if name not in before.categories}
        fresh = replace(self, categories=added, freqs=freqs)
        return replace(fresh, in_file=self.in_file & fresh.many)


def joined(every: Sequence[SegmentFacts]) -> SegmentFacts:
    """Return the facts about adjacent segments written as one, without what is only known when it is."""
    categories: dict[str, dict[str, Any]] = {}
    freqs: dict[str, str] = {}
    for facts in every:
        for name in {*facts.categories, *facts.freqs}:
            known = categories.get(name, {})
            whole = known | {_key(label): label for label in facts.categories.get(name, ())}
            if name not in categories and name in facts.freqs:
                freqs[name] = facts.freqs[name]
            elif len(whole) > len(known):
                freqs.pop(name, None)
            categories[name] = whole
    names = {name for facts in every for name in facts.encodings}
    return SegmentFacts(
        rows=sum(facts.rows for facts in every),
        encodings={name: common_encoding(facts.encodings[name] for facts in every) for name in names},
        categories={name: list(labels.values()) for name, labels in categories.items()},
        freqs=freqs,
    )


def open_part(payloads: Payloads) -> Opener:
    """Return how blobs are opened: small ones are checked by their SHA-256, others by the checksums they hold."""
    return lambda part: payloads.open(part, verify=part.size <= _SMALL_BYTES)


def open_segment(part: Part, facts: SegmentFacts, opener: Opener, *, dictionaries: Sequence[str] = ()) -> Segment:
    """Open a segment for reading.

    Raises:
        BlobNotFoundError: it is gone. CorruptPayloadError: it was changed.
    """
    return Segment(opener(part), footer=facts.footer, name=f"{part.ref[:12]}…", dictionaries=dictionaries)


def facts_of(
    part: Part, fields: Sequence[Field], opener: Opener, *, columns: Collection[str] | None = None
) -> SegmentFacts:
    """Return the facts about a segment, also those that are kept in it if one of these columns needs them."""
    facts = SegmentFacts.from_plain(part.meta, fields)
    if facts.in_file.isdisjoint(facts.in_file if columns is None else columns):
        return facts
    with open_segment(part, facts, opener) as segment:
        return replace(facts, categories={**facts.categories, **json.loads(segment.note)})


def unknown(labels: Sequence[Any], known: Sequence[Any]) -> list[Any]:
    """Return those of the labels that are not among the known, in their order."""
    keys = {_key(label) for label in known}
    return [label for label in labels if _key(label) not in keys]


def _key(label: Any) -> str:
    """Return what tells labels apart, their types included: ``1`` is not ``"1"`` and not ``true``."""
    if isinstance(label, str):
        return f"={label}"
    return str(label) if type(label) is int else json.dumps(label, sort_keys=True)
