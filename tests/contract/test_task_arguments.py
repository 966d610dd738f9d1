"""Arguments of tasks run no code in who runs them, on each kind of store, under ``trust = "signed"``.

The attacker submits tasks, and writes to a folder that the worker can read.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.entities.task import Argument, Task
from omega_domain.errors import UnsupportedOptionError
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.tasks.execution import Executor
from omega_domain.trust import Trust
from omega_ml import plugins

FRAME = pd.DataFrame({"a": range(12), "b": [0, 1, 2] * 4, "y": [0, 1] * 6})


class Evil:
    """What runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self._mark,)


@pytest.mark.parametrize("kind", ["memory", "local", "mongo"])
class TestArgumentsOfTasks:
    """What is refused, that nothing of it ran, and what goes on as before."""

    @pytest.fixture
    def om(self, kind: str, make_context: Callable[[str], Context]) -> Omega:
        """An Omega with a signed, harmless pipeline, and its data."""
        trust = Trust(MemoryKeyRing(), "signed")
        context = replace(make_context(kind), registry=plugins.backends(), codec=plugins.codec(), trust=trust)
        om = Omega(context)
        om.datasets.put(FRAME, "data")
        om.models.put(make_pipeline(StandardScaler(), LogisticRegression()), "m")
        return om

    @pytest.fixture
    def mark(self, tmp_path: Path) -> Path:
        """The file that is there if the attacker's code ran."""
        return tmp_path / "it ran"

    @pytest.fixture
    def poisoned(self, om: Omega, tmp_path: Path, mark: Path) -> Iterator[Path]:
        """A cache of joblib in which each result was replaced by code."""
        folder = tmp_path / "cache"
        model = clone(om.models.get("m")).set_params(memory=str(folder))
        _search(om, model)
        results = list(folder.rglob("output.pkl"))
        for path in results:
            path.write_bytes(pickle.dumps(Evil(mark)))
        yield folder
        # the cache must be one that would have run, or the tests prove nothing
        mark.unlink(missing_ok=True)
        with pytest.raises(Exception, match=r".*"):
            _search(om, model)
        assert mark.exists()

    @pytest.mark.parametrize("parameters", [dict, lambda grid: [{"logisticregression__C": [1.0]}, grid]])
    def test_no_folder_is_unpickled_from(
        self, om: Omega, poisoned: Path, mark: Path, parameters: Callable[[dict[str, Any]], Any]
    ) -> None:
        given = parameters({"memory": [str(poisoned)]})
        with pytest.raises(UnsupportedOptionError, match=r"gridsearch of 'm' can not try memory=.*nobody has signed"):
            om.runtime.model("m").gridsearch("data[a,b]", "data[y]", parameters=given, cv=2)
        assert not mark.exists()
        assert om.runtime.recent() == []

    def test_who_sends_a_task_past_the_runtime_gets_no_further(self, om: Omega, poisoned: Path, mark: Path) -> None:
        task = _task(om, "gridsearch", parameters={"memory": [str(poisoned)]}, cv=2)
        Executor(om.context).execute(task.to_json())
        with pytest.raises(UnsupportedOptionError, match="can not try memory="):
            om.runtime.result(task.id).get()
        assert not mark.exists()
        assert om.models.metadata("m", required=True).version == 1

    @pytest.mark.parametrize("action", ["fit", "fit_transform", "predict", "predict_proba", "score", "gridsearch"])
    @pytest.mark.parametrize("key", ["memory", "logisticregression__memory", "standardscaler__x"])
    def test_no_action_takes_paths(self, om: Omega, tmp_path: Path, action: str, key: str) -> None:
        name = "m"
        if action == "fit_transform":
            om.models.put(make_pipeline(StandardScaler()), "t")
            name = "t"
        task = replace(_task(om, action, **{key: str(tmp_path)}), name=name)
        Executor(om.context).execute(task.to_json())
        with pytest.raises(UnsupportedOptionError, match=f"^{action} of '{name}' (can not|does not|needs)"):
            om.runtime.result(task.id).get()

    def test_who_put_a_model_with_a_cache_keeps_it(self, om: Omega, tmp_path: Path) -> None:
        cache = tmp_path / "mine"
        om.models.put(make_pipeline(StandardScaler(), LogisticRegression(), memory=str(cache)), "m")
        om.runtime.model("m").fit("data[a,b]", "data[y]").get()
        assert list(cache.rglob("output.pkl"))
        assert om.models.get("m").memory == str(cache)

    def test_honest_tasks_run(self, om: Omega) -> None:
        model = om.runtime.model("m")
        grid = [{"logisticregression__class_weight": ["balanced", None]}, {"logisticregression__C": [0.1, 1.0]}]
        meta = model.gridsearch("data[a,b]", "data[y]", parameters=grid, cv=2, scoring="accuracy").get()
        assert len(meta.attributes["gridsearch"]["results"]) == 4
        weights = [1.0] * len(FRAME)
        assert model.fit("*", logisticregression__sample_weight=weights).get().version == 3
        assert model.score("*", sample_weight=weights).get() >= 0


def _search(om: Omega, model: Any) -> None:
    X, y = om.datasets.get("data[a,b]"), om.datasets.get("data[y]")["y"]
    GridSearchCV(model, {"memory": [model.memory]}, cv=2, error_score="raise").fit(X, y)


def _task(om: Omega, action: str, **kwargs: Any) -> Task:
    """Return a task as the attacker writes it."""
    args = (Argument("dataset", "data[a,b]"), Argument("dataset", "data[y]"))
    return Task(
        id=om.context.new_id(),
        action=action,
        kind="model",
        name="m",
        bucket=om.bucket,
        context=om.context.name,
        args=args if action not in {"predict", "predict_proba"} else args[:1],
        kwargs={key: Argument("value", json.dumps(value)) for key, value in kwargs.items()},
        submitted=om.context.clock.now(),
    )
