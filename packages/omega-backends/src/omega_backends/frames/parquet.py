"""Segments: tables as Parquet files, written and read as streams, with checksums over every byte that is read.

Pages carry checksums of their own; the footer, which holds the schema and statistics, gets one that is kept outside.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omega_domain.errors import CorruptPayloadError, StoreError

#: Rows of a row group: the least that is read where a filter hits.
GROUP_ROWS = 32_768

_COMPRESSION = ("zstd", 1)
_NOTE = b"omega"
_SAMPLE_ROWS = 4_096
_MANY_VALUES = 100_000  # fewer are read faster by one thread


class Writable(Protocol):
    """What a segment is written to."""

    def write(self, data: bytes, /) -> object:
        """Add bytes."""


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Bounds of the values of one column, as Parquet holds them.

    Attributes:
        nulls: how many are null; None if not known.
        low: nothing is less; None if not known.
        high: nothing is greater; None if not known.
    """

    nulls: int | None
    low: Any = None
    high: Any = None


@dataclass(frozen=True, slots=True)
class Footer:
    """Bytes and CRC-32 of all behind the last page."""

    size: int
    crc: int


NO_FOOTER = Footer(0, 0)
#: Bytes that are passed on together: a column of few rows is some dozens of bytes, and a store may be far away.
_SENT_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: rows, footer, and the file's metadata as Parquet keeps it."""

    rows: int
    footer: Footer
    metadata: pq.FileMetaData


def write_segment(sink: Writable, tables: Iterable[pa.Table], *, note: str = "") -> Written:
    """Write tables of one schema, at least one, as a Parquet file; one table at a time is held.

    A table fills whole row groups of :data:`GROUP_ROWS` rows, the last one of it may be shorter. A note is kept in the
    footer.
    """
    checked = _CheckedSink(sink)
    collected: list[pq.FileMetaData] = []
    rows = 0
    source = iter(tables)
    first = next(source)
    writer = _writer(pa.PythonFile(checked, mode="w"), first, collected)
    try:
        for table in chain([first], source):
            writer.write_table(table, row_group_size=GROUP_ROWS)
            rows += table.num_rows
        if note:
            writer.add_key_value_metadata({_NOTE: base64.b64encode(zlib.compress(note.encode(), 1))})
        checked.start_footer()
    finally:
        writer.close()
    checked.send()
    return Written(rows, checked.footer, collected[0])


class Segment:
    """A Parquet file open for reading. Use as a context manager; leaving it closes the file.

    Args:
        file: seekable; only what is needed is read.
        footer: what the footer must be; it is checked at once. None if not known.
        name: what the file is called in messages.
        dictionaries: columns of text to read as dictionaries.

    Raises:
        CorruptPayloadError: this is not a Parquet file, or its footer was changed.
    """

    def __init__(
        self, file: IO[bytes], *, footer: Footer | None = None, name: str, dictionaries: Sequence[str] = ()
    ) -> None:
        self._file = file
        self._name = name
        with self._translated():
            if footer is not None:
                self._check(footer)
            self._parquet = pq.ParquetFile(
                file, read_dictionary=list(dictionaries) or None, page_checksum_verification=True
            )

    @property
    def metadata(self) -> pq.FileMetaData:
        """The footer."""
        return self._parquet.metadata

    @property
    def note(self) -> str:
        """What was noted when the segment was written."""
        found = (self.metadata.metadata or {}).get(_NOTE)
        return zlib.decompress(base64.b64decode(found)).decode() if found else ""

    @property
    def group_rows(self) -> list[int]:
        """How many rows each row group has."""
        metadata = self.metadata
        return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]

    def read(self, columns: Sequence[str], groups: Sequence[int] | None = None) -> pa.Table:
        """Return these columns, in this order, of these row groups; of all for None.

        Raises:
            CorruptPayloadError: a page was changed.
        """
        every = range(self.metadata.num_row_groups) if groups is None else groups
        threads = self.metadata.num_rows * len(columns) > _MANY_VALUES
        with self._translated():
            table = self._parquet.read_row_groups(list(every), columns=list(columns), use_threads=threads)
            return table.select(list(columns))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, footer: Footer) -> None:
        self._file.seek(0, 2)
        size = self._file.tell()
        self._file.seek(max(size - footer.size, 0))
        if size < footer.size or zlib.crc32(self._file.read(footer.size)) != footer.crc:
            raise self._damage("its footer does not match its checksum")
        self._file.seek(0)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except (pa.ArrowException, OSError, KeyError) as error:
            raise self._damage(str(error)) from error

    def _damage(self, why: str) -> CorruptPayloadError:
        return CorruptPayloadError(
            f"the segment {self._name} was damaged or changed outside of omega-ml: {why}. "
            "Put the object again, or go back to an older version; `om fsck` lists all damage"
        )


def statistics(metadata: pq.FileMetaData, group: int) -> dict[str, ColumnStatistics]:
    """Return the statistics of a row group by name of the column; those of nested columns are left out."""
    columns = metadata.row_group(group)
    found = {}
    for place in range(columns.num_columns):
        leaf, column = metadata.schema.column(place), columns.column(place)
        if leaf.path == leaf.name and column.is_stats_set:
            found[leaf.name] = _column_statistics(column.statistics)
    return found


class _CheckedSink:
    """Passes bytes on, small pieces together, and computes size and CRC of those after :meth:`start_footer`."""

    closed = False

    def __init__(self, sink: Writable) -> None:
        self._sink = sink
        self._held = bytearray()
        self._size: int | None = None
        self._crc = 0

    @property
    def footer(self) -> Footer:
        return Footer(self._size or 0, self._crc)

    def start_footer(self) -> None:
        self._size = 0

    def write(self, data: bytes) -> int:
        self._held += data
        if len(self._held) >= _SENT_AT_ONCE:
            self.send()
        if self._size is not None:
            self._size += len(data)
            self._crc = zlib.crc32(data, self._crc)
        return len(data)

    def send(self) -> None:
        """Pass on what is held back."""
        if self._held:
            self._sink.write(bytes(self._held))
            self._held.clear()

    def flush(self) -> None:
        """What is held back waits for :meth:`send`."""

    def close(self) -> None:
        """Leave the sink open, which belongs to the caller."""


def _writer(stream: Any, table: pa.Table, collected: list[pq.FileMetaData]) -> pq.ParquetWriter:
    compression, level = _COMPRESSION
    return pq.ParquetWriter(
        stream,
        table.schema,
        compression=compression,
        compression_level=level,
        use_dictionary=[name for name in table.column_names if _repeats(table.column(name))],
        write_statistics=True,
        write_page_checksum=True,
        store_schema=False,
        metadata_collector=collected,
    )


def _repeats(column: pa.ChunkedArray) -> bool:
    """Tell whether a dictionary makes the column smaller: text in which every second value was there before."""
    type_ = column.type
    if pa.types.is_dictionary(type_):
        return True
    if not (pa.types.is_string(type_) or pa.types.is_large_string(type_)):
        return False
    sample = column.slice(0, _SAMPLE_ROWS)
    return bool(pc.count_distinct(sample).as_py() * 2 <= len(sample))


def _column_statistics(found: pq.Statistics) -> ColumnStatistics:
    nulls = found.null_count if found.has_null_count else None
    if not found.has_min_max:
        return ColumnStatistics(nulls)
    low, high = found.min_raw, found.max_raw
    if "UINT" in str(found.converted_type):
        low, high = found.min, found.max
    return ColumnStatistics(nulls, low, high)
