"""Writing frames as segments, and merging the small segments that appends leave.

Segments are of levels by their rows, each :data:`FAN` times the one before. When so many of one level stand at the end,
they become one of a higher level: there are O(log n) small segments, and a row is rewritten once a level.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from omega_backends.frames.dtypes import family
from omega_backends.frames.index import Field
from omega_backends.frames.objects import Encoding, recode_objects
from omega_backends.frames.parquet import GROUP_ROWS, Written, write_segment
from omega_backends.frames.schema import Frame, FrameSchema
from omega_backends.frames.segment_facts import SegmentFacts, facts_of, joined, open_part, open_segment
from omega_backends.frames.segments import EncodedFrame
from omega_domain.entities.version import Part
from omega_domain.ports.payloads import Payloads

FAN = 16
FINAL_ROWS = 65_536
#: Segments of so many rows stay as they are when a frame is compacted.
LARGE_ROWS = 1_048_576

_TABLE_ROWS = 4 * GROUP_ROWS
_LEVELS = (FAN, FAN**2, FAN**3, FINAL_ROWS)


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A segment just stored: its part, and all facts about it."""

    part: Part
    facts: SegmentFacts


class SegmentWriter:
    """Writes segments of one schema.

    Args:
        payloads: where they are kept.
        schema: of the frame; how many rows it has does not matter.
    """

    def __init__(self, payloads: Payloads, schema: FrameSchema) -> None:
        self._payloads = payloads
        self._fields = schema.stored

    def write(self, frame: Frame, schema: FrameSchema) -> StoredSegment:
        """Store a frame as one segment.

        Raises:
            UnsupportedObjectError: a value can not be kept; the message names the column.
        """
        encoded = EncodedFrame.of(frame, schema)
        facts = SegmentFacts(
            rows=schema.rows, encodings=encoded.encodings, categories=encoded.categories, freqs=encoded.freqs
        )
        return self._store(encoded.tables(_TABLE_ROWS), facts)

    def merge(self, parts: Sequence[Part]) -> Part:
        """Store adjacent segments as one, without ever holding all of it."""
        every = [facts_of(part, self._fields, open_part(self._payloads)) for part in parts]
        facts = joined(every)
        return self._store(_rebatched(self._tables(parts, every, facts.encodings)), facts).part

    def merge_tail(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts with runs of small segments at their end merged, as far as there are enough of a level."""
        merged = list(parts)
        for level in range(len(_LEVELS)):
            start = _run_start(merged, level)
            same = sum(1 for part in merged[start:] if _level(part) == level)
            if same >= FAN:
                merged[start:] = [self.merge(merged[start:])]
        return merged

    def compacted(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts with all runs of segments that are not large merged."""
        done: list[Part] = []
        run: list[Part] = []
        for part in [*parts, None]:
            if part is not None and part.meta["rows"] < LARGE_ROWS:
                run.append(part)
                continue
            done += [self.merge(run)] if len(run) > 1 else run
            done += [part] if part is not None else []
            run = []
        return done

    def _store(self, tables: Iterable[pa.Table], facts: SegmentFacts) -> StoredSegment:
        written: list[Written] = []
        many = {name: facts.categories[name] for name in sorted(facts.many)}
        note = json.dumps(many) if many else ""
        part = self._payloads.write(lambda file: written.append(write_segment(file, tables, note=note)))
        stored = replace(facts, in_file=facts.many).about(written[0], self._fields)
        return StoredSegment(replace(part, meta=stored.to_plain(self._fields)), stored)

    def _tables(
        self, parts: Sequence[Part], facts: Sequence[SegmentFacts], common: Mapping[str, Encoding]
    ) -> Iterator[pa.Table]:
        names = [field.name for field in self._fields]
        texts = [field.name for field in self._fields if family(field.dtype) == "category"]
        for part, one in zip(parts, facts, strict=True):
            with open_segment(part, one, open_part(self._payloads), dictionaries=texts) as segment:
                for group in range(max(segment.metadata.num_row_groups, 1)):
                    groups = [group] if segment.metadata.num_row_groups else None
                    yield _recoded(segment.read(names, groups), self._fields, one.encodings, common)


def _level(part: Part) -> int:
    rows = part.meta["rows"]
    return next((level for level, limit in enumerate(_LEVELS) if rows < limit), len(_LEVELS))


def _run_start(parts: Sequence[Part], level: int) -> int:
    """Return where the run of segments of at most this level begins that the parts end with."""
    start = len(parts)
    while start and parts[start - 1].type == "blob" and _level(parts[start - 1]) <= level:
        start -= 1
    return start


def _recoded(
    table: pa.Table, fields: Sequence[Field], before: Mapping[str, Encoding], after: Mapping[str, Encoding]
) -> pa.Table:
    for place, field in enumerate(fields):
        if field.name in after:
            column = recode_objects(table.column(place), before[field.name], after[field.name])
            table = table.set_column(place, field.name, column)
    return table


def _rebatched(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Join small tables and cut them so that all but the last fill whole row groups."""
    source = iter(tables)
    held = next(source)
    for table in source:
        if held.num_rows >= _TABLE_ROWS:
            whole = held.num_rows - held.num_rows % GROUP_ROWS
            yield held.slice(0, whole).unify_dictionaries().combine_chunks()
            held = held.slice(whole)
        held = pa.concat_tables([held, table])
    yield held.unify_dictionaries().combine_chunks()
