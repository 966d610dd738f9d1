"""A team's day on MongoDB at the terminal: shared data, a model of one's own, promotion to and fro, and upkeep."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import omega_ml

Command = Callable[..., Any]


def ok(done: Any) -> str:
    """What a command printed, that must have been done."""
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@pytest.fixture
def contexts(new_mongo_url: Callable[[], str], tmp_path: Path) -> None:
    """Two databases and a folder, as contexts of a project."""
    Path("omega.toml").write_text(
        f'[contexts.team]\nmongo_url = "{new_mongo_url()}"\n'
        f'[contexts.prod]\nmongo_url = "{new_mongo_url()}"\n'
        f'[contexts.mine]\nhome = "{tmp_path / "mine"}"\n'
    )


@pytest.mark.changes_with("arrow")
@pytest.mark.usefixtures("contexts")
def test_a_team_shares_data_and_models(command: Command, sales: pd.DataFrame) -> None:
    team = omega_ml.setup(context="team")
    team.datasets.put(sales, "sales", layout="documents", index=["x"])
    team.models.put(LinearRegression(), "forecast")
    kinds = [row["kind"] for row in json.loads(ok(command("--context", "team", "datasets", "list", "--json")))]
    assert kinds == ["pandas.dfrows"]
    shown = json.loads(ok(command("--context", "team", "datasets", "get", "sales[x]", "--where", "x__lt=2", "--json")))
    assert shown["value"] == [{"x": 0.0}, {"x": 1.0}]

    mine = omega_ml.setup(context="mine")
    team.datasets.promote("sales", mine.datasets)
    team.models.promote("forecast", mine.models)
    mine.runtime.model("forecast").fit("sales[x]", "sales[y]").get()
    mine.models.promote("forecast", omega_ml.setup(context="prod").models)
    mine.datasets.promote("sales", omega_ml.setup(context="prod").datasets)
    ok(command("--context", "prod", "runtime", "model", "forecast", "predict", "sales[x]", "--result", "tomorrow"))
    found = omega_ml.setup(context="prod").datasets.get("tomorrow")
    assert found.iloc[:, 0].round(6).tolist() == sales["y"].tolist()

    for context in ("team", "prod", "mine"):
        ok(command("--context", context, "gc", "--grace", "0s"))
        assert json.loads(ok(command("--context", context, "fsck", "--json"))) == []
        assert json.loads(ok(command("--context", context, "du", "--json")))["objects"]
        assert "failed" not in ok(command("--context", context, "doctor"))


def test_everything_is_done_at_the_terminal(
    command: Command, sales: pd.DataFrame, mongo_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OMEGA_MONGO_URL", mongo_url)
    Path("omega.toml").write_text(f'[contexts.mine]\nhome = "{tmp_path / "mine"}"\n')
    sales.to_csv("sales.csv", index=False)
    Path("notes.txt").write_text("what we know")
    ok(command("datasets", "put", "sales.csv", "team/sales", "--tag", "raw"))
    ok(command("datasets", "put", "notes.txt", "team/notes"))
    rows = json.loads(ok(command("datasets", "list", "--json")))
    assert [(row["name"], row["kind"]) for row in rows] == [
        ("team/notes", "python.file"),
        ("team/sales", "pandas.parquet"),
    ]
    ok(command("datasets", "get", "team/sales@raw", "again.csv"))
    pd.testing.assert_frame_equal(pd.read_csv("again.csv"), sales)

    ok(command("promote", "datasets", "team/sales@raw", "--to-context", "mine"))
    mine = json.loads(ok(command("--context", "mine", "datasets", "metadata", "team/sales", "--json")))
    assert mine["provenance"]["store"].startswith("mongodb")
    assert "@" not in mine["provenance"]["store"]
    ok(command("--context", "mine", "promote", "datasets", "team/sales", "--to-context", "default", "--as", "back"))
    ok(command("datasets", "get", "back", "back.csv"))
    pd.testing.assert_frame_equal(pd.read_csv("back.csv"), sales)

    ok(command("datasets", "drop", "team/notes"))
    ok(command("gc", "--grace", "0s"))
    assert json.loads(ok(command("fsck", "--json"))) == []
    usage = json.loads(ok(command("du", "--json")))
    assert usage["live"] > 0
    symptoms = json.loads(ok(command("doctor", "--json")))
    looked_at = {symptom["what"] for symptom in symptoms}
    assert {"server", "topology", "latency", "clock", "indexes", "permissions", "writes", "layout"} <= looked_at
    assert {symptom["state"] for symptom in symptoms if symptom["what"] != "packages"} <= {"ok", "warning"}


def test_what_is_wrong_with_a_server_is_said_in_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "mongodb://ada:secret@127.0.0.1:9/team?serverSelectionTimeoutMS=200"
    monkeypatch.setenv("OMEGA_MONGO_URL", url)
    done = command("datasets", "list")
    assert done.returncode == 1
    assert done.stderr.startswith("om: no server answers at mongodb://127.0.0.1:9/team")
    assert len(done.stderr.strip().splitlines()) == 1
    told = command("doctor")
    assert told.returncode == 1
    assert "Start it" in told.stdout
    shown = command("config", "show")
    assert "secret" not in done.stderr + told.stdout + told.stderr + shown.stdout
    assert ok(command("--help"))


def test_a_malformed_url_is_a_setting_to_mend(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMEGA_MONGO_URL", "mongodb://ada:se/cret@host/team")
    done = command("datasets", "list")
    assert done.returncode != 0
    assert "URL of MongoDB can not be used" in done.stderr
    assert "cret" not in done.stderr
