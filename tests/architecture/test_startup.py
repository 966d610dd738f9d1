"""Starting up is quick because nothing heavy is imported; a failure names the import that broke it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "pandas", "pyarrow", "sklearn", "scipy", "joblib", "cloudpickle", "skops")
STARTS = {
    "import omega_ml": "import omega_ml",
    "om --help": "import sys; from omega_cli.main import main; sys.argv = ['om', '--help']; main()",
}
_LINE = re.compile(r"import time:\s+\d+ \|\s+\d+ \|(?P<indent> +)(?P<module>\S+)$")


@pytest.mark.parametrize("what", STARTS)
def test_starting_imports_nothing_heavy(what: str) -> None:
    chains = [chain for library in HEAVY if (chain := import_chain(import_times(STARTS[what]), library))]
    assert not chains, f"{what} imports " + "; ".join(" -> ".join(chain) for chain in chains)


def test_the_chain_of_imports_names_the_culprit(tmp_path: Path) -> None:
    (tmp_path / "outer.py").write_text("import json\nimport culprit\n")
    (tmp_path / "culprit.py").write_text("import numpy\n")
    chain = import_chain(import_times("import outer", tmp_path), "numpy")
    assert chain == ["outer", "culprit", "numpy"]


def test_what_is_not_imported_has_no_chain() -> None:
    assert import_chain(import_times("import json"), "numpy") is None


def import_times(code: str, path: Path | None = None) -> list[tuple[int, str]]:
    """Run the code; return depth and name of every module that it imports, children before their parents."""
    # coverage and xdist start themselves in every child; what they import is not ours
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    if path:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = map(_LINE.match, done.stderr.splitlines())
    return [(len(line["indent"]), line["module"]) for line in lines if line]


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
