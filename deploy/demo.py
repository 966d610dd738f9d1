"""Trains and predicts on a worker: shows that store, broker and workers find each other."""

# ruff: noqa: INP001, T201 -- a program for people, not a package

from __future__ import annotations

import pandas as pd
from sklearn.linear_model import LinearRegression

import omega_ml

om = omega_ml.setup(bucket="demo")
sales = pd.DataFrame({"ads": [1.0, 2.0, 3.0, 4.0], "sold": [3.0, 5.0, 7.0, 9.0]})
om.datasets.put(sales, "sales")
om.models.put(LinearRegression(), "forecast")
fit = om.runtime.model("forecast").fit("sales[ads]", "sales[sold]")
fit.get(timeout=60)
forecast = om.runtime.model("forecast").predict(pd.DataFrame({"ads": [5.0]})).get(timeout=60)
record = next(record for record in om.runtime.recent() if record.id == fit.id)
print(f"fitted by {record.worker}; with 5 ads {forecast[0]:.0f} are sold")
