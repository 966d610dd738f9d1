"""Exchange: objects from files and to files, in the format of the file's ending."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from omega_domain.entities.names import ObjectRef
from omega_domain.entities.query import Q
from omega_domain.errors import UnsupportedObjectError, UnsupportedOptionError
from omega_domain.repository.metadata import Metadata
from omega_domain.stores import OmegaStore

FRAMES = ("csv", "tsv", "jsonl", "parquet")
FORMATS = (*FRAMES, "json", "npy", "file")
ENDINGS = {"ndarray.bin": "npy", "virtualobj.cloudpickle": "cloudpickle"}
PICKLES = (".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill")


class Excerpt(NamedTuple):
    """The beginning of an object, and whether there is more of it."""

    value: Any
    is_cut: bool


def format_of(name: str) -> str:
    """Return the format that a file name's ending stands for; ``file`` for one that is not known."""
    suffixes = [suffix.lstrip(".").lower() for suffix in Path(name).suffixes[-2:]]
    return next((suffix for suffix in suffixes if suffix in FORMATS), "file")


def read_object(file: IO[bytes] | Path, name: str, *, form: str | None = None, dates: Sequence[str] = ()) -> Any:
    """Return what a file holds.

    Args:
        file: the open file, which must stay open while the object is used; or the path of a folder.
        name: its name, for its ending and for messages.
        form: one of :data:`FORMATS`; by default that of the ending.
        dates: columns of a CSV to read as dates.

    Raises:
        UnsupportedOptionError: there is no such format, or it has no columns.
        UnsupportedObjectError: the file does not parse, or is a pickle.
    """
    form = form or format_of(name)
    _check_form(form, name, dates)
    if isinstance(file, Path) or form == "file":
        return file
    if form == "json":
        return _read_json(file, name)
    if form == "npy":
        from omega_backends.exchange.numpy import read_array

        return read_array(file, name)
    from omega_backends.exchange.pandas import read_frame

    return read_frame(file, name, form, dates=dates)


def write_object(store: OmegaStore, name: str, path: Path, *, query: Q | None = None, overwrite: bool = False) -> None:
    """Write an object to a file: frames and data in the format of its ending, anything else as it is stored.

    The file appears when it is complete. A folder that was put is unpacked.

    Raises:
        FileExistsError: the file exists, and ``overwrite`` is not set.
        UnsupportedOptionError: the object can not be written in this format.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; overwrite it by --force, or give another name")
    meta = store.locate(name)
    if meta.kind == "python.file":
        store.get(name, path=path)
        return
    options = {} if query is None else {"filter": query}
    with _replacing(path) as part:
        if meta.kind.startswith("pandas."):
            from omega_backends.exchange.pandas import write_frame

            write_frame(store.get(name, **options), part, path.name, format_of(path.name))
        elif meta.kind == "python.data":
            _write_json(store.get(name, **options), part, path.name)
        elif path.suffix == ".joblib" and meta.kind_meta.get("format") == "pickle":
            from omega_backends.exchange.models import write_model

            write_model(store.get(name), part)
        else:
            _copy_blob(meta, part, path.name)


def excerpt(store: OmegaStore, name: str, *, query: Q | None = None, limit: int = 0) -> Excerpt:
    """Return an object; of a frame the first rows only, without reading the others.

    Args:
        store: where the object is.
        name: its name, with the grammar of names.
        query: a filter.
        limit: how many rows of a frame; 0 is all of them.
    """
    options: dict[str, Any] = {} if query is None else {"filter": query}
    is_frame = store.resolve(ObjectRef.parse(name).versioned_name).kind.startswith("pandas.")
    if limit and is_frame and ObjectRef.parse(name).part is None:
        options["chunksize"] = limit + 1
    value = store.get(name, **options)
    if not (is_frame and isinstance(value, Iterator)):
        return Excerpt(value, is_cut=False)
    from omega_backends.exchange.pandas import first_rows

    return Excerpt(*first_rows(value, limit))


def _check_form(form: str, name: str, dates: Sequence[str]) -> None:
    if form not in FORMATS:
        raise UnsupportedOptionError(f"there is no format {form!r}; there are: {', '.join(FORMATS)}")
    if dates and form not in {"csv", "tsv"}:
        raise UnsupportedOptionError(f"{name} is read as {form}, where no column has to be read as dates")
    if form == "file" and name.endswith(PICKLES):
        raise UnsupportedObjectError(f"{name} is a pickle, which is code: put the object from Python, not the file")


def _read_json(file: IO[bytes], name: str) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        raise UnsupportedObjectError(
            f"{name} can not be read as JSON: {error}; mend it, or put it as it is by --format file"
        ) from error


def _write_json(value: Any, part: Path, name: str) -> None:
    if format_of(name) != "json":
        raise UnsupportedOptionError(f"Python data can not be written to {name}: give a file that ends in .json")
    try:
        part.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except TypeError as error:
        raise UnsupportedOptionError(f"{name} can not be written: {error}; read the object from Python") from error


def _copy_blob(meta: Metadata, part: Path, name: str) -> None:
    blobs = [blob for blob in meta.parts if blob.type == "blob"]
    if len(blobs) != 1:
        raise UnsupportedOptionError(f"{meta.name!r} is a {meta.kind}, which is no single file: read it from Python")
    form = meta.kind_meta.get("format")
    ending = "joblib" if form == "pickle" else form or ENDINGS.get(meta.kind)
    if ending and not name.endswith(f".{ending}"):
        raise UnsupportedOptionError(f"{meta.name!r} can not be written to {name}: let it end in .{ending}")
    with meta.store.payloads.read_once(blobs[0]) as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
