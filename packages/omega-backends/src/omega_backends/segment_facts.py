"""What is kept of a segment beside its bytes, so that it can be skipped, checked and decoded without asking others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omega_backends.frame_index import Field
from omega_backends.frame_objects import Encoding
from omega_backends.frame_pruning import UNKNOWN, merged, usable
from omega_backends.parquet import ColumnStatistics, Footer, Written, statistics

#: Frames with more columns keep statistics in the Parquet footer only, so that metadata stay small.
MAX_COLUMNS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFacts:
    """Facts about one segment.

    Attributes:
        rows: how many rows it has.
        footer: size and checksum of its footer.
        bounds: statistics of the columns, by name.
        encodings: how the cells of object columns are written.
        categories: labels that this segment adds to the categories of the segments before it.
    """

    rows: int
    footer: Footer
    bounds: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    encodings: Mapping[str, Encoding] = field(default_factory=dict)
    categories: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        written: Written,
        fields: Sequence[Field],
        *,
        encodings: Mapping[str, Encoding],
        categories: Mapping[str, Sequence[Any]],
    ) -> SegmentFacts:
        """Gather the facts about a segment just written."""
        bounds: dict[str, ColumnStatistics] = {}
        if len(fields) <= MAX_COLUMNS and written.rows:
            groups = [statistics(written.metadata, group) for group in range(written.metadata.num_row_groups)]
            for column in fields:
                every = [usable(group.get(column.name, UNKNOWN), column.dtype) for group in groups]
                bounds[column.name] = merged(every)
        return cls(rows=written.rows, footer=written.footer, bounds=bounds, encodings=encodings, categories=categories)

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
        )

    def to_plain(self, fields: Sequence[Field]) -> dict[str, Any]:
        """Return this in plain JSON types; bounds are in the order of the columns, to be short."""
        plain: dict[str, Any] = {"rows": self.rows, "footer": [self.footer.size, self.footer.crc]}
        bounds = [self.bounds.get(column.name, UNKNOWN) for column in fields]
        if any(bound != UNKNOWN for bound in bounds):
            plain["bounds"] = [None if one == UNKNOWN else [one.nulls, one.low, one.high] for one in bounds]
        if self.encodings:
            plain["as"] = {name: dict(encoding) for name, encoding in self.encodings.items()}
        added = {name: list(labels) for name, labels in self.categories.items() if labels}
        return plain | ({"categories": added} if added else {})
