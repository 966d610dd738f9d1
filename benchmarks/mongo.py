"""MongoDB: frames, models and the catalogue against pymongo, GridFS, pyarrow and joblib on the same server."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from gridfs import GridFSBucket
from sklearn.linear_model import LinearRegression
from tests.servers.fixtures import MongoServer

from benchmarks.frames import HIT
from benchmarks.measuring import Row, median, median_pair, seconds
from benchmarks.models import forest
from benchmarks.samples import frame
from benchmarks.shared import Account, server, shared_context
from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import VersionRef
from omega_domain.omega import Omega

NAMES = 10_000
SMALL = {"a": 1, "b": [1, 2, 3]}


def run(folder: Path) -> Iterator[Row]:
    """Measure the store that a team shares."""
    with server(folder) as running:
        yield from _round_trips(running)
        yield from _frames(running)
        yield from _models(running)


def _round_trips(running: MongoServer) -> Iterator[Row]:
    account = Account()
    with shared_context(running, account) as om:
        data = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})
        om.models.put(LinearRegression().fit(data[["x"]], data["y"]), "model")
        om.runtime.model("model").predict(data[["x"]]).get()
        numbers = count()
        calls: dict[str, tuple[Callable[[], object], float]] = {
            "metadata": (lambda: om.models.metadata("model"), 1),
            "exists": (lambda: om.models.exists("model"), 1),
            "put of small data": (lambda: om.datasets.put(SMALL, f"small {next(numbers)}"), 6),
            "get of small data": (lambda: om.datasets.get("small 0"), 3),
            "put of a small frame": (lambda: om.datasets.put(data.assign(z=next(numbers)), "frame"), 6),
            "get of a small frame": (lambda: om.datasets.get("frame"), 3),
            "put of a small model": (lambda: om.models.put(LinearRegression(), "other"), 6),
            "get of a small model": (lambda: om.models.get("model"), 3),
            "predict on a cached model (3 for its record)": (
                lambda: om.runtime.model("model").predict(data[["x"]]).get(),
                4,
            ),
        }
        for name, (call, bar) in calls.items():
            account.clear()
            call()
            yield Row(what=f"commands: {name}", measured=len(account.commands), floor=None, bar=bar, unit="")
        _fill(om)
        account.clear()
        taken = seconds(lambda: om.datasets.list("object*"))
        yield Row(what=f"commands: list of {NAMES:,} names", measured=len(account.commands), floor=None, bar=1, unit="")
        yield Row(what=f"list of {NAMES:,} names", measured=taken, floor=None, bar=5, unit="s")


def _fill(om: Omega) -> None:
    """Make heads behind the scenes, as many as a long life brings."""
    now = om.context.clock.now()
    for number in range(NAMES):
        ref = VersionRef(id=f"{number:032x}", seq=1)
        key = ObjectKey("omega", "data/", f"object {number}")
        om.context.metadata.commit(
            Head(key=key, uid=ref.id, revision=1, kind="k", current=ref, tip=ref, created=now, modified=now),
            expected=None,
        )


def _frames(running: MongoServer) -> Iterator[Row]:
    data = frame()
    account = Account()
    with shared_context(running, account) as om, _bucket(running) as bucket:
        om.datasets.put(data, "frame")
        settings = _settings(om)
        numbers = count()

        def changed() -> pd.DataFrame:
            data.loc[0, "price"] = float(next(numbers))
            return data

        def floor_put() -> None:
            sink = io.BytesIO()
            pq.write_table(pa.Table.from_pandas(changed(), preserve_index=False), sink, **settings)
            bucket.upload_from_stream("floor", sink.getvalue())

        def floor_get() -> pd.DataFrame:
            sink = io.BytesIO()
            bucket.download_to_stream_by_name("floor", sink)
            found: pd.DataFrame = pq.read_table(sink).to_pandas()
            return found

        measured, floor = median_pair(lambda: om.datasets.put(changed(), "frame"), floor_put)
        yield Row(what="mongo: frame put, 1,000,000 x 10", measured=measured, floor=floor, bar=1.5, unit="s")
        measured, floor = median_pair(lambda: om.datasets.get("frame"), floor_get)
        yield Row(what="mongo: frame get, 1,000,000 x 10", measured=measured, floor=floor, bar=1.5, unit="s")
        size = om.datasets.metadata("frame", required=True).size
        account.clear()
        om.datasets.get("frame[count,ok]")
        yield _moved("mongo: frame[two columns], bytes moved", account, size, 0.35)
        account.clear()
        hit = om.datasets.get("frame", id__gte=HIT.start, id__lt=HIT.stop)
        if len(hit) != len(HIT):
            raise AssertionError(f"{len(hit)} rows came back")
        yield _moved("mongo: filter of 1 % on a sorted column, bytes", account, size, 0.15)


def _models(running: MongoServer) -> Iterator[Row]:
    model = forest()
    numbers = count()
    with shared_context(running) as om, _bucket(running) as bucket:

        def put() -> None:
            model.run_ = next(numbers)
            om.models.put(model, "forest")

        def floor_put() -> None:
            sink = io.BytesIO()
            joblib.dump(model, sink)
            sink.seek(0)
            bucket.upload_from_stream("floor", sink)

        def floor_get() -> Any:
            sink = io.BytesIO()
            bucket.download_to_stream_by_name("floor", sink)
            sink.seek(0)
            return joblib.load(sink)

        measured, floor = median_pair(put, floor_put, times=5)
        size = om.models.metadata("forest", required=True).size / 1e6
        yield Row(what=f"mongo: model put, {size:.0f} MB", measured=measured, floor=floor, bar=1.5, unit="s")
        measured, floor = median_pair(lambda: om.models.get("forest"), floor_get, times=5)
        yield Row(what=f"mongo: model get, {size:.0f} MB", measured=measured, floor=floor, bar=1.5, unit="s")
        taken = median(lambda: om.models.promote("forest", om["prod"].models, asname=f"forest {next(numbers)}"))
        yield Row(what="mongo: promotion to another bucket", measured=taken * 1000, floor=None, bar=50, unit="ms")


@contextmanager
def _bucket(running: MongoServer) -> Iterator[GridFSBucket]:
    """Give a GridFS of its own in a fresh database, as the floor."""
    with running.client() as client:
        database = client.get_database("omega_floor")
        try:
            yield GridFSBucket(database)
        finally:
            client.drop_database("omega_floor")


def _moved(what: str, account: Account, size: int, bar: float) -> Row:
    return Row(what=what, measured=account.received / 1e6, floor=size / 1e6, bar=bar, unit="MB")


def _settings(om: Omega) -> dict[str, Any]:
    """Return how pyarrow alone would write the same bytes."""
    with om.datasets.fs.get(om.datasets.metadata("frame", required=True).parts[0].ref) as file:
        metadata = pq.read_metadata(io.BytesIO(file.read()))
    group = metadata.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    return {
        "compression": columns[0].compression.lower(),
        "compression_level": 1,
        "row_group_size": group.num_rows,
        "use_dictionary": [column.path_in_schema for column in columns if column.has_dictionary_page],
        "write_page_checksum": True,
    }
