"""Starting up is quick because nothing heavy is imported; a failure names the import that broke it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.servers.brokers import BrokerServer

HEAVY = ("numpy", "pandas", "pyarrow", "sklearn", "scipy", "joblib", "cloudpickle", "skops")
SERVERS = ("celery", "pymongo")
STARTS = {
    "import omega_ml": "import omega_ml",
    "om --help": "import sys; from omega_cli.main import main; sys.argv = ['om', '--help']; main()",
    "om runtime --help": "import sys; from omega_cli.main import main; sys.argv = ['om', 'runtime', '--help']; main()",
}
WORKER = "import sys; from omega_cli.main import main; sys.argv = ['om', 'worker', '-c', '1']; main()"
_LINE = re.compile(r"import time:\s+\d+ \|\s+\d+ \|(?P<indent> +)(?P<module>\S+)$")


@pytest.mark.parametrize("what", STARTS)
def test_starting_imports_nothing_heavy(what: str) -> None:
    check(what, import_times(STARTS[what]), (*HEAVY, *SERVERS))


def test_a_worker_imports_nothing_heavy_before_a_task_needs_it(tmp_path: Path, valkey: BrokerServer) -> None:
    environment = {**clean_environment(), "OMEGA_HOME": str(tmp_path), "OMEGA_BROKER_URL": valkey.url}
    command = [sys.executable, "-X", "importtime", "-c", WORKER]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr
        lines: list[str] = []
        while not lines or "worker ready" not in lines[-1]:
            lines.append(worker.stderr.readline())
            assert lines[-1], "".join(lines[-50:])
        worker.send_signal(signal.SIGTERM)
        lines += worker.communicate(timeout=60)[1].splitlines()
    check("om worker", modules_of(lines), HEAVY)
    assert import_chain(modules_of(lines), "celery")


def test_the_chain_of_imports_names_the_culprit(tmp_path: Path) -> None:
    (tmp_path / "outer.py").write_text("import json\nimport culprit\n")
    (tmp_path / "culprit.py").write_text("import numpy\n")
    chain = import_chain(import_times("import outer", tmp_path), "numpy")
    assert chain == ["outer", "culprit", "numpy"]


def test_what_is_not_imported_has_no_chain() -> None:
    assert import_chain(import_times("import json"), "numpy") is None


def check(what: str, modules: list[tuple[int, str]], forbidden: tuple[str, ...]) -> None:
    chains = [chain for library in forbidden if (chain := import_chain(modules, library))]
    assert not chains, f"{what} imports " + "; ".join(" -> ".join(chain) for chain in chains)


def clean_environment() -> dict[str, str]:
    """Return the environment without what starts coverage and xdist in every child: what they import is not ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


def import_times(code: str, path: Path | None = None) -> list[tuple[int, str]]:
    """Run the code; return depth and name of every module that it imports, children before their parents."""
    environment = clean_environment()
    if path:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return modules_of(done.stderr.splitlines())


def modules_of(lines: list[str]) -> list[tuple[int, str]]:
    """Return depth and name of every module in what Python tells of its imports."""
    found = (_LINE.match(line.rstrip("\n")) for line in lines)
    return [(len(line["indent"]), line["module"]) for line in found if line]


def import_chain(modules: list[tuple[int, str]], library: str) -> list[str] | None:
    """Return who imports whom, from the outermost module to the library; None if it is not imported."""
    first = next((i for i, (_, module) in enumerate(modules) if module == library), None)
    if first is None:
        return None
    depth, _ = modules[first]
    chain = [library]
    for outer, module in modules[first + 1 :]:
        if outer < depth:
            depth = outer
            chain.insert(0, module)
    return chain
