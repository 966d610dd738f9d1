"""Completion: what a shell is offered."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from omega_domain.omega import Omega


def complete(words: str) -> list[str]:
    """Ask like bash does: the words so far, of which the last is being typed."""
    script = Path(sys.executable).parent / "om"
    environ = {
        **os.environ,
        "_OM_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run([script], env=environ, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def objects(omega: Omega) -> None:
    omega.datasets.put(1, "sales/2024")
    omega.datasets.put(1, "sales/2025")
    omega.datasets.put(1, "stock")
    omega.models.put(1, "forecast")
    omega.scripts.put(1, "nightly")
    omega["dev"].datasets.put(1, "draft")
    omega.datasets.put(1, "_raw")
    omega.datasets.put(1, "sales/_draft")
    omega.models.put(1, ".old/forecast")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("om datasets ge", ["get"]),
        ("om datasets get sal", ["sales/2024", "sales/2025"]),
        ("om models get ", ["forecast"]),
        ("om datasets get _", ["_raw"]),
        ("om datasets get sales/_", ["sales/_draft"]),
        ("om promote models .o", [".old/forecast"]),
        ("om export models/.", ["models/.old/forecast"]),
        ("om export datasets/s", ["datasets/sales/2024", "datasets/sales/2025", "datasets/stock"]),
        ("om --bucket dev datasets get ", ["draft"]),
        ("om datasets get --bucket dev ", ["draft"]),
        ("om --bucket ", ["dev", "omega"]),
        ("om runtime model f", ["forecast"]),
        ("om runtime model forecast pred", ["predict", "predict_proba"]),
        ("om runtime model forecast predict st", ["stock"]),
        ("om runtime script ", ["nightly"]),
        ("om runtime explain script n", ["nightly"]),
        ("om promote datasets st", ["stock"]),
        ("om promote model ", ["forecast"]),
        ("om datasets list --kind python.d", ["python.data"]),
    ],
)
def test_names_are_offered(objects: None, words: str, offered: list[str]) -> None:
    assert complete(words) == offered


def test_contexts_are_offered(home: Path) -> None:
    Path("omega.toml").write_text('[contexts.prod]\nhome = "p"')
    assert complete("om --context ") == ["default", "prod"]


def test_a_file_that_is_skipped_is_no_reason_to_say_something(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("omega.toml").write_text('[contexts.prod]\nhome = "p"')
    Path("omega.toml").chmod(0o666)
    assert complete("om --context ") == ["default"]
    assert capsys.readouterr().err == ""


def test_a_broken_store_offers_nothing(home: Path) -> None:
    Path("omega.toml").write_text("nonsense")
    assert complete("om datasets get x") == []
