"""`om promote --dry-run`, `om rollback`, `om history`, `om approve` and `om gates`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from omega_domain.omega import Omega
from omega_domain.repository.history import HISTORY

Run = Callable[..., Any]


@pytest.fixture
def fitted(omega: Omega) -> Omega:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})
    omega.datasets.put(frame, "sales")
    omega.models.put(LinearRegression(), "m", attributes={"metrics": {"r2": 0.9}})
    omega.runtime.model("m").fit("sales[x]", "sales[y]").get()
    return omega


def test_a_dry_run_shows_the_plan(om: Run, fitted: Omega) -> None:
    done = om(
        "promote", "model", "m", "--to", "prod", "--dry-run", "--gate", "fitted", "--with-data", "--versions", "all"
    )
    assert done.code == 0
    assert "default:prod/m (new)" in done.out
    assert "takes    1, 2" in done.out
    assert "default:omega/sales@1 -> default:prod/sales" in done.out
    assert "fitted" in done.out
    assert "be done" in done.out
    assert fitted["prod"].models.list() == []


def test_a_plan_shows_what_changes_and_what_is_refused(om: Run, fitted: Omega) -> None:
    assert om("promote", "model", "m", "--to", "prod").code == 0
    fitted.models.put(LinearRegression(), "m", attributes={"metrics": {"r2": 0.5}})
    args = ("models", "promote", "m", "--to", "prod", "--gate", "metric('r2', '>=', 0.8)", "--dry-run", "--tags")
    done = om(*args)
    assert "metrics r2" in done.out
    assert "be refused" in done.out
    assert "be forced" in om(*args, "--force", "why not").out
    plain = om(*args, "--json").json
    assert (plain["is_allowed"], plain["target"]["version"]) == (False, 1)


def test_a_plan_of_what_is_there_already_says_so(om: Run, fitted: Omega) -> None:
    fitted.models.tag("m", "v1")
    om("promote", "model", "m", "--to", "prod")
    done = om("promote", "model", "m", "--to", "prod", "--dry-run", "--tags")
    assert "change nothing" in done.out
    assert "v1@2" in done.out


def test_a_refusal_is_one_line_and_force_is_on_record(om: Run, fitted: Omega) -> None:
    args = ("promote", "model", "m", "--to", "prod", "--gate", "approved_by('release')")
    done = om(*args)
    assert done.code == 1
    assert "nobody trusted has approved version 2 as release" in done.err
    assert om(*args, "--force", "the shop is down").code == 0
    assert "forced: the shop is down" in om("history", "model", "m", "--in", "prod").out


@pytest.mark.parametrize("versions", ["some", "-1"])
def test_what_is_no_number_of_versions_is_wrong_usage(om: Run, fitted: Omega, versions: str) -> None:
    assert om("promote", "model", "m", "--to", "prod", "--versions", versions).code == 2


def test_an_approval_lets_it_pass(om: Run, fitted: Omega) -> None:
    assert om("approve", "model", "m", "--as", "release", "--note", "tested").code == 0
    assert om("promote", "model", "m", "--to", "prod", "--gate", "approved_by('release')").code == 0
    done = om("history", "model", "m")
    assert "approve as release" in done.out
    assert "tested" in done.out
    digest = fitted.models.metadata("m", required=True).digest
    approved = om("approve", "model", "m", "--as", "review", "--in", "prod", "--digest", digest, "--json").json
    assert (approved["role"], approved["digest"]) == ("review", digest)


def test_a_rollback_puts_the_former_back_and_is_on_record(om: Run, fitted: Omega) -> None:
    om("promote", "model", "m", "--to", "prod")
    fitted.models.put(LinearRegression(), "m")
    om("promote", "model", "m", "--to", "prod")
    assert om("rollback", "model", "m", "--in", "prod", "--reason", "not fitted", "--json").json["version"] == 3
    assert hasattr(fitted["prod"].models.get("m"), "coef_")
    records = om("history", "model", "m", "--in", "prod", "--json").json["records"]
    assert [(record["action"], record["version"]) for record in records] == [
        ("promote", 1),
        ("promote", 2),
        ("rollback", 3),
    ]
    out = om("history", "model", "m", "--in", "prod").out
    assert "default:omega/m@2" in out
    assert "version 1" in out
    done = om("rollback", "model", "m", "--in", "prod")
    assert done.code == 1
    assert "nothing was live before" in done.err


def test_a_history_that_was_changed_is_said(om: Run, fitted: Omega) -> None:
    om("promote", "model", "m", "--to", "prod")
    records = fitted.context.store.collection(HISTORY)
    (document,) = records.find()
    records.update_one({"_id": document["_id"]}, {"$set": {"signature": ""}})
    done = om("history", "model", "m", "--in", "prod")
    assert "om: warning: record 1: its signature is unsigned" in done.err


def test_nothing_on_record_is_said(om: Run, fitted: Omega) -> None:
    assert "nothing is on record of 'x'" in om("history", "model", "x").err


def test_gates_are_listed(om: Run, fitted: Omega) -> None:
    Path("omega.toml").write_text("[gates.prod]\nmodels = [\"metric('r2', '>=', 0.8)\"]\n")
    fitted["prod"].models.put(LinearRegression(), "a", attributes={"gates": ["fitted"]})
    fitted["prod"].datasets.put([1], "d", attributes={"gates": "schema_compatible"})
    listed = om("gates", "--in", "prod", "--json").json
    assert listed["declared"] == [
        {"store": "datasets", "object": "d", "gate": "schema_compatible", "by": "object"},
        {"store": "models", "object": None, "gate": "metric('r2', '>=', 0.8)", "by": "settings"},
        {"store": "models", "object": "a", "gate": "fitted", "by": "object"},
    ]
    out = om("gates", "--in", "prod").out
    assert "gates of prod:" in out
    assert "no_regression" in out
    assert "gates of omega: none" in om("gates").out


def test_gates_of_the_settings_hold(om: Run, fitted: Omega) -> None:
    Path("omega.toml").write_text("[gates.prod]\nmodels = [\"metric('r2', '>=', 0.95)\"]\n")
    done = om("promote", "model", "m", "--to", "prod")
    assert done.code == 1
    assert "r2 is 0.9, which is not >= 0.95" in done.err


def test_no_regression_compares_on_data_of_the_target(om: Run, fitted: Omega) -> None:
    om("promote", "model", "m", "--to", "prod")
    fitted["prod"].datasets.put(pd.DataFrame({"x": [4.0, 5.0], "y": [8.0, 10.0]}), "holdout")
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [5.0, 1.0, 9.0]})
    fitted.datasets.put(frame, "sales")
    fitted.runtime.model("m").fit("sales[x]", "sales[y]").get()
    done = om("promote", "model", "m", "--to", "prod", "--gate", "no_regression(on='holdout')")
    assert done.code == 1
    assert "what is live scores 1" in done.err
