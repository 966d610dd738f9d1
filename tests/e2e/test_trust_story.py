"""Two people share a store, and a worker serves it: nobody loads what somebody unknown has put there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from tests.servers.valkey import ValkeyServer
from tests.servers.workers import WorkerProcess

import omega_ml
from omega_domain.errors import TaskFailedError, UntrustedObjectError

OM = Path(sys.executable).parent / "om"
X = np.array([[0.0], [1.0], [2.0]])


def run(tmp_path: Path, who: str, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OMEGA_HOME": str(tmp_path / "home"), "OMEGA_KEYS": str(tmp_path / who)}
    return subprocess.run([OM, *words], env=env, capture_output=True, text=True, check=False, timeout=120)


def setup(tmp_path: Path, who: str, **settings: Any) -> omega_ml.Omega:
    return omega_ml.setup(home=tmp_path / "home", keys=tmp_path / who, **settings)


def put_model(om: omega_ml.Omega) -> None:
    om.models.put(LinearRegression().fit(X, X[:, 0]), "m")


def test_a_colleague_is_trusted_when_keys_were_exchanged(tmp_path: Path) -> None:
    put_model(setup(tmp_path, "ada"))
    setup(tmp_path, "ada").datasets.put(X, "X")
    refused = run(tmp_path, "bob", "runtime", "model", "m", "predict", "X")
    assert refused.returncode == 1
    assert "a key that is not trusted here" in refused.stderr
    exported = run(tmp_path, "ada", "keys", "export", "--path", str(tmp_path / "ada.pub"))
    assert exported.returncode == 0, exported.stderr
    trusted = run(tmp_path, "bob", "keys", "trust", str(tmp_path / "ada.pub"))
    assert trusted.returncode == 0, trusted.stderr
    assert setup(tmp_path, "bob").runtime.model("m").predict(X).get() == pytest.approx([0, 1, 2])
    put_model(setup(tmp_path, "bob"))
    with pytest.raises(UntrustedObjectError, match="not trusted here"):
        setup(tmp_path, "ada").models.get("m")


def test_a_worker_loads_only_what_it_trusts(tmp_path: Path, valkey: ValkeyServer) -> None:
    om = setup(tmp_path, "ada", broker_url=valkey.url)
    put_model(om)
    env = {"OMEGA_HOME": str(tmp_path / "home"), "OMEGA_BROKER_URL": valkey.url, "OMEGA_KEYS": str(tmp_path / "worker")}
    with WorkerProcess(env), pytest.raises(UntrustedObjectError, match="a key that is not trusted here"):
        om.runtime.model("m").predict(X).get(60)
    line = run(tmp_path, "ada", "keys", "export").stdout
    with WorkerProcess({**env, "OMEGA_TRUSTED_KEYS": line}):
        assert om.runtime.model("m").predict(X).get(60) == pytest.approx([0, 1, 2])
        om.runtime.model("m").fit(X, X[:, 0]).get(60)
    with pytest.raises(UntrustedObjectError, match="a key that is not trusted here"):
        om.models.get("m")


def test_scripts_are_code(tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text("def run(om):\n    return 'ran'\n")
    setup(tmp_path, "ada").scripts.put(str(tmp_path / "hello.py"), "hello")
    assert setup(tmp_path, "ada").runtime.script("hello").run().get() == "ran"
    for settings in ({"trust": "signed"}, {"trust": "formats-only"}):
        with pytest.raises((UntrustedObjectError, TaskFailedError), match="hello"):
            setup(tmp_path, "bob", **settings).runtime.script("hello").run().get()
    assert setup(tmp_path, "bob", trust="any").runtime.script("hello").run().get() == "ran"


@pytest.mark.needs("skops")
def test_models_without_code_are_loaded_where_only_formats_are_trusted(tmp_path: Path) -> None:
    om = setup(tmp_path, "ada", trust="formats-only")
    put_model(om)
    om.models.put(LinearRegression().fit(X, X[:, 0]), "skops", format="skops")
    with pytest.raises(UntrustedObjectError, match="which is code, and code = 'formats-only'"):
        om.models.get("m")
    assert om.runtime.model("skops").predict(X).get() == pytest.approx([0, 1, 2])
