"""What users' stories share: the stores they are told on, the command, and data with a rule in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import omega_ml
from omega_domain.omega import Omega

OM = Path(sys.executable).parent / "om"

Setup = Callable[..., Omega]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No story sees the settings of who runs it, and each begins in an empty folder."""
    for name in [name for name in os.environ if name.startswith("OMEGA_") and not name.startswith("OMEGA_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("OMEGA_HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return tmp_path / "home"


@pytest.fixture(params=["memory", "local", "mongo"])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Setup:
    """`setup()` of a separate environment each time, in memory, on the embedded store or on MongoDB."""
    if request.param == "memory":
        return lambda name="here", **settings: omega_ml.setup(store=f"memory://{name}", **settings)
    if request.param == "mongo":
        new_url = request.getfixturevalue("new_mongo_url")
        urls: dict[str, str] = {}
        return lambda name="here", **settings: omega_ml.setup(
            mongo_url=urls.setdefault(name, urls.get(name) or new_url()), **settings
        )
    return lambda name="here", **settings: omega_ml.setup(home=tmp_path / name, **settings)


@pytest.fixture
def om(setup: Setup) -> Omega:
    """One environment."""
    return setup()


@pytest.fixture
def command() -> Command:
    """The real command, as a process of its own."""

    def run(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
        words = [str(OM), *map(str, args)]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, **options)  # type: ignore[call-overload, no-any-return]

    return run


@pytest.fixture
def sales() -> pd.DataFrame:
    """A frame in which y is 2 x + 1."""
    x = np.arange(20, dtype=float)
    return pd.DataFrame({"x": x, "y": 2 * x + 1})
