"""Bad input: each is a clear error that leaves what was there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import omega_ml
from omega_domain.errors import (
    ColumnNotFoundError,
    InvalidFilterError,
    InvalidNameError,
    InvalidTagError,
    ObjectNotFoundError,
    OmegaError,
    SchemaMismatchError,
    UnknownKindError,
    UnsupportedObjectError,
    UnsupportedOptionError,
    VersionNotFoundError,
)
from omega_domain.omega import Omega

Bad = Callable[[Omega], Any]

CASES: dict[str, tuple[Bad, type[OmegaError], str]] = {
    "an unsupported object": (
        lambda om: om.datasets.put(object(), "sales"),
        UnsupportedObjectError,
        "nothing stores objects of type builtins.object",
    ),
    "an object in data": (lambda om: om.datasets.put([object()], "sales"), UnsupportedObjectError, "object"),
    "a column that can not be kept": (
        lambda om: om.datasets.put(pd.DataFrame({"odd": [object()]}), "sales"),
        UnsupportedObjectError,
        "odd",
    ),
    "an unknown kind": (lambda om: om.datasets.put(1, "sales", kind="pandas.hdf"), UnknownKindError, "pandas.parquet"),
    "an unknown option": (lambda om: om.datasets.put(1, "sales", colour="red"), UnsupportedOptionError, "colour"),
    "an empty name": (lambda om: om.datasets.put(1, ""), InvalidNameError, "empty"),
    "a name with grammar": (lambda om: om.datasets.put(1, "sales@v1"), InvalidNameError, "plain name 'sales'"),
    "a name that leaves its folder": (lambda om: om.datasets.put(1, "../sales"), InvalidNameError, "'..'"),
    "a bracket that is not closed": (lambda om: om.datasets.get("sales[x"), InvalidNameError, "not closed"),
    "a missing name": (lambda om: om.datasets.get("sale"), ObjectNotFoundError, "nearest are: sales"),
    "a missing column": (lambda om: om.datasets.get("sales[z]"), ColumnNotFoundError, "'z'"),
    "a missing tag": (lambda om: om.datasets.get("sales@best"), VersionNotFoundError, "no tags"),
    "a version that never was": (lambda om: om.datasets.get("sales@9"), VersionNotFoundError, "the versions 1"),
    "a version before the first": (lambda om: om.datasets.get("sales^^^^"), VersionNotFoundError, "no version"),
    "a tag that is a number": (lambda om: om.datasets.put(1, "sales", tag="1"), InvalidTagError, "try 'v1'"),
    "an unknown operator": (
        lambda om: om.datasets.get("sales", x__near=1),
        InvalidFilterError,
        "unknown operator 'near'",
    ),
    "a filter on a missing column": (lambda om: om.datasets.get("sales", z=1), ColumnNotFoundError, "'z'"),
    "a filter with a dollar": (lambda om: om.datasets.get("sales", **{"$where": "1"}), InvalidFilterError, r"\$where"),
    "a value that is no number": (lambda om: om.datasets.get("sales", x__gt="soon"), InvalidFilterError, "'x'"),
    "a broken regular expression": (lambda om: om.datasets.list(regexp="("), InvalidFilterError, "regular expression"),
    "other columns appended": (
        lambda om: om.datasets.put(pd.DataFrame({"q": [1]}), "sales", append=True),
        SchemaMismatchError,
        "q",
    ),
    "another kind appended": (
        lambda om: om.datasets.put([1], "sales", append=True),
        SchemaMismatchError,
        "pandas.parquet",
    ),
    "a model of nothing": (lambda om: om.runtime.model("nothing").fit("sales[x]"), ObjectNotFoundError, "'nothing'"),
    "a fit on nothing": (lambda om: om.runtime.model("m").fit("nothing"), ObjectNotFoundError, "'nothing'"),
    "attributes that are no JSON": (
        lambda om: om.datasets.put(1, "sales", attributes={"a": object()}),
        UnsupportedObjectError,
        "plain JSON",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_a_clear_error_that_leaves_what_was_there(om: Omega, sales: pd.DataFrame, case: str) -> None:
    om.datasets.put(sales, "sales")
    om.models.put(LinearRegression(), "m")
    act, error, words = CASES[case]
    with pytest.raises(error, match=words):
        act(om)
    assert om.datasets.get("sales").equals(sales)
    assert [meta.version for meta in om.datasets.versions("sales")] == [1]
    assert om.datasets.list(hidden=True) == ["sales"]
    assert [meta.version for meta in om.models.versions("m")] == [1]


def test_a_read_only_home_is_read_and_not_written(tmp_path: Path, sales: pd.DataFrame) -> None:
    home = tmp_path / "read-only"
    omega_ml.setup(home=home).datasets.put(sales, "sales")
    Path("x.json").write_text("1")
    shown = run_read_only(home, "datasets", "get", "sales[x]")
    assert shown.returncode == 0, shown.stderr
    refused = run_read_only(home, "datasets", "put", "x.json", "x")
    assert refused.returncode == 1
    assert re.fullmatch(rf"om: .*{re.escape(str(home))}.*\n", refused.stderr)
    assert omega_ml.setup(home=home).datasets.list() == ["sales"]


def run_read_only(home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the command where its home can not be written; to root only a mount says no."""
    words = [str(Path(sys.executable).parent / "om"), "--home", str(home), *args]
    if os.geteuid() == 0:
        mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        words = ["unshare", "--mount", "sh", "-c", mount, str(home), *words]
        return subprocess.run(words, capture_output=True, text=True, check=False)
    for path in (home, *home.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False)
    finally:
        for path in (home, *home.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
