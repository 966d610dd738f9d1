"""Frames in files that other programs read and write: CSV, TSV, JSON lines, Parquet."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pandas as pd

from omega_domain.errors import UnsupportedObjectError, UnsupportedOptionError

_SEPARATORS = {"csv": ",", "tsv": "\t"}
_COMPRESSIONS = {".gz": "gzip", ".zip": "zip", ".bz2": "bz2", ".xz": "xz"}


def read_frame(file: IO[bytes], name: str, form: str, *, dates: Sequence[str] = ()) -> pd.DataFrame:
    """Return the frame that a file holds.

    Args:
        file: the open file.
        name: its name; ``.gz``, ``.zip``, ``.bz2`` and ``.xz`` at its end are unpacked on the way.
        form: ``csv``, ``tsv``, ``jsonl`` or ``parquet``.
        dates: columns of a CSV to read as dates.

    Raises:
        UnsupportedObjectError: the file does not parse; the message says where.
    """
    packed: Any = _COMPRESSIONS.get(Path(name).suffix.lower())
    try:
        if form == "parquet":
            return pd.read_parquet(file)
        if form == "jsonl":
            return pd.read_json(file, lines=True, compression=packed, dtype=False)
        columns: Any = list(dates) or None
        return pd.read_csv(file, sep=_SEPARATORS[form], compression=packed, parse_dates=columns, low_memory=False)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise UnsupportedObjectError(
            f"{name} can not be read as {form}: {str(error).strip()}; mend it, or put it as it is by --format file"
        ) from error


def write_frame(frame: pd.DataFrame | pd.Series[Any], path: Path, name: str, form: str) -> None:
    """Write a frame to a file; an index that has names, or holds more than row numbers, becomes columns.

    Args:
        frame: the frame or series.
        path: where to write.
        name: the name that the file will have; ``.gz``, … at its end pack it.
        form: ``csv``, ``tsv``, ``jsonl``, ``json`` or ``parquet``.

    Raises:
        UnsupportedOptionError: frames are not written in this format.
    """
    whole = frame.to_frame() if isinstance(frame, pd.Series) else frame
    has_index = _says_something(whole.index)
    packed: Any = _COMPRESSIONS.get(Path(name).suffix.lower())
    if form in _SEPARATORS:
        whole.to_csv(path, sep=_SEPARATORS[form], index=has_index, compression=packed)
    elif form == "parquet":
        whole.to_parquet(path)
    elif form in {"json", "jsonl"}:
        records = whole.reset_index() if has_index else whole
        records.to_json(path, orient="records", lines=form == "jsonl", date_format="iso", compression=packed)
    else:
        raise UnsupportedOptionError(
            f"a frame can not be written to {name}: let it end in .csv, .tsv, .jsonl, .json or .parquet"
        )


def first_rows(chunks: Iterator[pd.DataFrame], limit: int) -> tuple[pd.DataFrame, bool]:
    """Return the first rows of chunks that hold ``limit + 1`` rows at most, and whether there are more; 0 is all."""
    if not limit:
        return pd.concat(chunks), False
    taken: list[pd.DataFrame] = []
    while sum(map(len, taken)) <= limit and (more := list(islice(chunks, 1))):
        taken += more
    rows = pd.concat(taken)
    return rows.iloc[:limit], len(rows) > limit


def _says_something(index: pd.Index[Any]) -> bool:
    """Whether an index is more than the numbers of rows, which are left over when rows are filtered."""
    return any(name is not None for name in index.names) or not pd.api.types.is_integer_dtype(index.dtype)
