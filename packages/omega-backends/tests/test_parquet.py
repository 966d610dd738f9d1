"""Segments: small and fast Parquet files whose damage is noticed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_backends.frames.parquet import (
    GROUP_ROWS,
    ColumnStatistics,
    Footer,
    Segment,
    Written,
    statistics,
    write_segment,
)
from omega_domain.errors import BlobNotFoundError, CorruptPayloadError

TABLE = pa.table({"x": np.arange(1000), "s": ["a", "b", None, "d"] * 250, "f": np.linspace(0, 1, 1000)})


def written(*tables: pa.Table) -> tuple[io.BytesIO, Written]:
    file = io.BytesIO()
    return file, write_segment(file, iter(tables))


def segment(file: io.BytesIO, footer: Footer | None = None, **options: Any) -> Segment:
    return Segment(io.BytesIO(file.getvalue()), footer=footer, name="test", **options)


def test_what_is_written_is_read() -> None:
    file, facts = written(TABLE)
    with segment(file, facts.footer) as found:
        assert found.read(["x", "s", "f"]).equals(TABLE)
    assert facts.rows == 1000


def test_a_note_is_kept() -> None:
    file = io.BytesIO()
    facts = write_segment(file, iter([TABLE]), note="ünï" * 1000)
    with segment(file, facts.footer) as found:
        assert found.note == "ünï" * 1000
    with segment(written(TABLE)[0]) as found:
        assert found.note == ""


def test_columns_are_read_in_the_order_asked_for() -> None:
    file, _ = written(TABLE)
    with segment(file) as found:
        assert found.read(["f", "x"]).column_names == ["f", "x"]


def test_a_column_whose_name_begins_another_is_read_alone() -> None:
    file, _ = written(pa.table({"a": [1], "a.b": [2], "a.b.c": [3]}))
    with segment(file) as found:
        assert found.read(["a.b"]).to_pydict() == {"a.b": [2]}


def test_tables_fill_row_groups() -> None:
    table = pa.table({"x": np.arange(2 * GROUP_ROWS + 5)})
    file, facts = written(table.slice(0, 2 * GROUP_ROWS), table.slice(2 * GROUP_ROWS))
    with segment(file, facts.footer) as found:
        assert found.group_rows == [GROUP_ROWS, GROUP_ROWS, 5]
        assert found.read(["x"], [1]).column("x")[0].as_py() == GROUP_ROWS
        assert found.read(["x"]).equals(table)


def test_an_empty_table_is_a_segment() -> None:
    file, facts = written(TABLE.slice(0, 0))
    with segment(file, facts.footer) as found:
        assert found.read(["x"]).num_rows == 0


def test_an_error_while_tables_are_made_is_passed_on() -> None:
    def tables() -> Iterator[pa.Table]:
        yield TABLE
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_segment(io.BytesIO(), tables())


def test_nothing_is_written_if_the_first_table_can_not_be_made() -> None:
    def tables() -> Iterator[pa.Table]:
        raise ZeroDivisionError
        yield

    file = io.BytesIO()
    with pytest.raises(ZeroDivisionError):
        write_segment(file, tables())
    assert file.getvalue() == b""


def test_an_error_of_the_sink_is_passed_on() -> None:
    class Full:
        def write(self, data: bytes, /) -> int:
            raise BlobNotFoundError("gone")

    with pytest.raises(BlobNotFoundError, match="gone"):
        write_segment(Full(), iter([TABLE]))


def test_only_text_that_repeats_is_written_with_a_dictionary() -> None:
    table = pa.table({"few": ["a", "b"] * 500, "many": [f"v{i}" for i in range(1000)], "n": [1, 2] * 500})
    file, _ = written(table)
    group = pq.ParquetFile(file).metadata.row_group(0)
    assert [group.column(place).has_dictionary_page for place in range(3)] == [True, False, False]


def test_text_can_be_read_as_a_dictionary() -> None:
    file, _ = written(pa.table({"c": pa.array(["a", "b", "a"]).dictionary_encode()}))
    with segment(file, dictionaries=["c"]) as found:
        assert pa.types.is_dictionary(found.read(["c"]).column("c").type)


def test_statistics_are_those_of_the_values() -> None:
    table = pa.table(
        {
            "i": [3, None, -5],
            "u": pa.array([2**63, 1, 2], pa.uint64()),
            "s": ["b", "a", None],
            "d": [Decimal(1), None, None],
            "n": pa.nulls(3, pa.int8()),
            "nested": [{"a": 1}] * 3,
        }
    )
    _, facts = written(table)
    found = statistics(facts.metadata, 0)
    assert found["i"] == ColumnStatistics(1, -5, 3)
    assert found["u"] == ColumnStatistics(0, 1, 2**63)
    assert found["s"] == ColumnStatistics(1, b"a", b"b")
    assert found["n"] == ColumnStatistics(3)
    assert "nested" not in found
    assert "a" not in found


@given(st.data())
def test_any_byte_that_is_read_is_checked(data: st.DataObject) -> None:
    file, facts = written(TABLE)
    content = bytearray(file.getvalue())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    try:
        with Segment(io.BytesIO(bytes(content)), footer=facts.footer, name="test") as found:
            table = found.read(["x", "s", "f"])
    except CorruptPayloadError:
        return
    assert table.equals(TABLE)  # a byte that says nothing, such as one of the magic number


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_no_parquet_is_refused(content: bytes) -> None:
    with pytest.raises(CorruptPayloadError, match="segment test was damaged"):
        Segment(io.BytesIO(content), name="test")


def test_a_segment_that_was_cut_is_refused() -> None:
    file, facts = written(TABLE)
    with pytest.raises(CorruptPayloadError, match="footer"):
        Segment(io.BytesIO(file.getvalue()[: facts.footer.size - 1]), footer=facts.footer, name="test")


def test_a_column_that_is_not_there_is_damage() -> None:
    file, _ = written(TABLE)
    with segment(file) as found, pytest.raises(CorruptPayloadError):
        found.read(["q"])


def test_errors_of_the_store_are_passed_on() -> None:
    class Gone(io.BytesIO):
        broken = False

        def read(self, size: int | None = -1, /) -> bytes:
            if self.broken:
                raise BlobNotFoundError("gone")
            return super().read(size)

    file, _ = written(TABLE)
    gone = Gone(file.getvalue())
    with Segment(gone, name="test") as found:
        gone.broken = True
        with pytest.raises(BlobNotFoundError):
            found.read(["x"])


def test_leaving_a_segment_closes_its_file() -> None:
    file, _ = written(TABLE)
    content = io.BytesIO(file.getvalue())
    with Segment(content, name="test"):
        pass
    assert content.closed
