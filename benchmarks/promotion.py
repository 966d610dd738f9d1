"""Promotion of a model of 1 GB, and what signing costs a model of 200 MB."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression

import omega_ml
from benchmarks.measuring import Row, bytes_read, median, median_pair, seconds
from omega_domain.omega import Omega

BLOCK = 1 << 20


def run(folder: Path) -> Iterator[Row]:
    """Measure signing, then promotion."""
    yield _signing(folder)
    yield from _promotion(folder)


def _model(megabytes: int) -> Any:
    model = LinearRegression()
    model.coef_ = np.random.default_rng(0).random(megabytes * 1_000_000 // 8)
    return model


def _open(folder: Path, name: str, **settings: Any) -> Omega:
    return omega_ml.setup(home=folder / name, keys=folder / "keys", **settings)


def _signing(folder: Path) -> Row:
    model, runs = _model(200), count()
    signed, unsigned = _open(folder, "signed"), _unsigned(folder)

    def put_and_get(om: Omega) -> None:
        model.intercept_ = next(runs)  # other content each time
        om.models.put(model, "m")
        om.models.get("m")

    measured, least = median_pair(lambda: put_and_get(signed), lambda: put_and_get(unsigned), times=11)
    return Row(what="put + get of 200 MB, signed / not signed", measured=measured, floor=least, bar=1.03, unit="s")


def _unsigned(folder: Path) -> Omega:
    context = _open(folder, "unsigned").context
    return Omega(metadata=context.metadata, store=context.store, registry=context.registry, codec=context.codec)


def _promotion(folder: Path) -> Iterator[Row]:
    om = _open(folder, "dev")
    om.models.put(_model(1000), "m")
    names = count()
    with bytes_read() as read:
        taken = median(lambda: om.models.promote("m", om["prod"].models, asname=f"m{next(names)}"), times=5)
    yield Row(what="promotion of 1 GB within a context", measured=taken * 1000, floor=None, bar=100, unit="ms")
    yield Row(what="bytes of it that are read for that", measured=_payload(read[0]), floor=None, bar=0, unit="GB")

    [blob] = [path for path in (folder / "dev").rglob("*") if path.is_file() and path.stat().st_size > BLOCK * 500]
    targets = count()
    measured, least = median_pair(
        lambda: om.models.promote("m", _open(folder, f"prod {next(targets)}").models),
        lambda: _copy(blob, folder / f"copy {next(targets)}"),
        times=3,
    )
    yield Row(what="promotion of 1 GB to another context", measured=measured, floor=least, bar=1.3, unit="s")
    other = _open(folder, "prod 0").models
    with bytes_read() as read:
        taken = seconds(lambda: om.models.promote("m", other))
    yield Row(
        what="bytes of it that are read for the same again", measured=_payload(read[0]), floor=None, bar=0, unit="GB"
    )


def _payload(count: int) -> float:
    """Return gigabytes, to a precision at which heads and manifests are nothing."""
    return round(count / 1e9, 2)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("wb") as writing:
        while block := reading.read(BLOCK):
            writing.write(block)
        writing.flush()
        os.fsync(writing.fileno())
