"""Data that the benchmarks work on, and contexts to work in."""

from __future__ import annotations

import numpy as np
import pandas as pd

import omega_ml
from omega_domain.omega import Omega

ROWS = 1_000_000


def open_context(home: str) -> Omega:
    """Return an Omega on the embedded store in this folder."""
    return omega_ml.setup(store=f"file://{home}")


def frame(rows: int = ROWS, *, seed: int = 0) -> pd.DataFrame:
    """Return a frame of ten columns: sorted and random ints, floats, strings, datetimes, bool."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(rows, dtype="int64"),
            "count": random.integers(0, 1000, rows).astype("int32"),
            "key": random.integers(0, 1 << 40, rows),
            "price": random.normal(100, 15, rows),
            "ratio": random.random(rows).astype("float32"),
            "amount": np.round(random.exponential(50, rows), 2),
            "city": pd.Series(random.choice([f"city {i}" for i in range(500)], rows), dtype="str"),
            "code": pd.Series(random.choice([f"{i:05d}" for i in range(20_000)], rows), dtype="str"),
            "when": pd.Timestamp("2030-01-01") + pd.to_timedelta(np.arange(rows), unit="s"),
            "ok": random.integers(0, 2, rows).astype(bool),
        }
    )
