"""Models and functions are code: exactly one module may bring them to life."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THE_ONE = Path("packages/omega-backends/src/omega_backends/models/unpickle.py")
LIBRARIES = {
    "_pickle",
    "cloudpickle",
    "dill",
    "joblib",
    "marshal",
    "numpy",
    "pandas",
    "pickle",
    "shelve",
    "skops",
    "torch",
}
LOADERS = {"load", "loads", "open", "read_pickle", "Unpickler", "MemmappingUnpickler"}
HARMLESS = {"numpy.load", "pandas.open"}  # numpy.load does not unpickle unless asked, which is looked for below


def test_exactly_one_module_calls_a_pickle_like_loader() -> None:
    sources = sorted((ROOT / "packages").glob("*/src/**/*.py"))
    calling = {path.relative_to(ROOT): lines for path in sources if (lines := list(loaders(path.read_text())))}
    assert set(calling) == {THE_ONE}, calling


@pytest.mark.parametrize(
    "code",
    [
        "import pickle\npickle.loads(b'')",
        "import joblib as jl\njl.load('file')",
        "from cloudpickle import loads",
        "from pickle import Unpickler as U",
        "import pandas as pd\npd.read_pickle('file')",
        "import numpy as np\nnp.load('file', allow_pickle=True)",
        "def get():\n    import skops.io\n    return skops.io.load('file')",
        "import skops.io as sio\nsio.load('file')",
        "from skops.io import load",
    ],
)
def test_a_loader_is_found_however_it_is_spelled(code: str) -> None:
    assert list(loaders(code))


@pytest.mark.parametrize(
    "code",
    [
        "import json\njson.loads('1')",
        "import numpy as np\nnp.load('file', mmap_mode='r')",
        "import joblib\njoblib.dump(1, 'file')",
        "from cloudpickle import dumps",
    ],
)
def test_what_only_looks_alike_is_left_alone(code: str) -> None:
    assert not list(loaders(code))


def loaders(code: str) -> Iterator[str]:
    """Yield the loaders that the code imports or calls, with their lines."""
    tree = ast.parse(code)
    names = dict(aliases(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in LIBRARIES:
            dotted = [f"{node.module}.{alias.name}" for alias in node.names if alias.name in LOADERS]
            yield from (f"{name}:{node.lineno}" for name in dotted if name not in HARMLESS)
        elif isinstance(node, ast.Attribute) and node.attr in LOADERS:
            root = ast.unparse(node.value).partition(".")[0]
            name = f"{names.get(root, '')}.{node.attr}"
            if root in names and name not in HARMLESS:
                yield f"{name}:{node.lineno}"
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield f"allow_pickle:{node.value.lineno}"


def aliases(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield under which names the libraries are known in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                library = alias.name.partition(".")[0]
                if library in LIBRARIES:
                    yield alias.asname or library, library
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in LIBRARIES:
            for alias in node.names:
                yield alias.asname or alias.name, (node.module or "").partition(".")[0]
