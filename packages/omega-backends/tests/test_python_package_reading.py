"""What can be put as a script: paths, modules, functions; and what declares its requirements."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

import omega_ml
from omega_backends.scripts import reading as package_reading
from omega_domain.errors import UnsupportedObjectError
from omega_domain.omega import Omega

RUN = "def run(om, *args):\n    return list(args)\n"


@pytest.fixture
def om() -> Omega:
    return omega_ml.setup(store=f"memory://{os.urandom(8).hex()}")


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be imported; they are forgotten in the end."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def package(folder: Path, **modules: str) -> Path:
    for name, text in {"__init__": RUN, **modules}.items():
        write(folder / f"{name}.py", text)
    return folder


def run(om: Omega, obj: Any, *args: Any, **options: Any) -> Any:
    om.scripts.put(obj, "s", **options)
    return om.runtime.script("s").run(*args).get()


# -- modules and functions of packages ---------------------------------------------------------------------------------


def test_a_module_takes_its_package_along(om: Omega, importable: Path) -> None:
    package(importable / "whole1", jobs="from .words import A\ndef run(om):\n    return A\n", words="A = 'a'")
    assert run(om, importlib.import_module("whole1.jobs")) == "a"
    assert run(om, importlib.import_module("whole1"), 1) == [1]


def test_a_function_takes_its_package_along(om: Omega, importable: Path) -> None:
    package(importable / "whole2")
    package(importable / "whole2" / "sub", jobs="from ..words import A\ndef fit(om):\n    return A\n")
    write(importable / "whole2" / "words.py", "A = 'a'")
    module = importlib.import_module("whole2.sub.jobs")
    assert run(om, module.fit) == "a"
    assert om.scripts.get("s").__name__.endswith(".sub.jobs")
    assert run(om, importlib.import_module("whole2.sub").run, 1) == [1]


def test_a_function_needs_to_be_at_the_top_of_its_module(om: Omega, importable: Path) -> None:
    write(
        importable / "whole3.py",
        "def make():\n    def made(om): ...\n    made.__qualname__ = 'made'\n    return made\n",
    )
    with pytest.raises(UnsupportedObjectError, match=r"whole3\.py has no function made"):
        om.scripts.put(importlib.import_module("whole3").make(), "s")


def test_a_module_that_was_loaded_by_another_name_stands_alone(om: Omega, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("some.thing.else", write(tmp_path / "alone.py", RUN))
    assert spec is not None
    assert run(om, importlib.util.module_from_spec(spec), 1) == [1]


def test_modules_without_code_are_refused(om: Omega, importable: Path) -> None:
    (importable / "namespace4").mkdir()
    for module in (sys, importlib.import_module("namespace4"), ModuleType("made"), sys.modules["__main__"]):
        with pytest.raises(UnsupportedObjectError, match="has no file of Python code"):
            om.scripts.put(module, "s")


def test_a_module_in_a_folder_that_is_no_package_is_refused(om: Omega, importable: Path) -> None:
    write(importable / "folder5" / "jobs.py", RUN)
    with pytest.raises(UnsupportedObjectError, match=r"folder5 has no __init__\.py"):
        om.scripts.put(importlib.import_module("folder5.jobs"), "s")


def test_the_path_of_an_init_file_is_its_package(om: Omega, tmp_path: Path) -> None:
    path = package(tmp_path / "pkg", other="X = 1") / "__init__.py"
    assert om.scripts.put(path, "s").kind_meta["files"] == ["pkg/__init__.py", "pkg/other.py"]


# -- the function ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "if True:\n    def run(om): ...",
        "try:\n    from fast import run\nexcept ImportError:\n    def run(om): ...",
        "run: object = print",
        "one, run = 1, print",
        "from .other import *",
        "from . import other as run",
        "with open(__file__): run = print",
        "(run := print)",
    ],
)
def test_the_function_is_found_wherever_it_is_made(om: Omega, tmp_path: Path, code: str) -> None:
    assert om.scripts.put(package(tmp_path / "pkg", __init__=code, other=RUN), "s").version == 1


@pytest.mark.parametrize(
    "code",
    ["x = run", "def other():\n    def run(om): ...", "class C:\n    def run(self): ...", "import run.other as x"],
)
def test_what_is_made_inside_or_only_used_is_no_function(om: Omega, tmp_path: Path, code: str) -> None:
    with pytest.raises(UnsupportedObjectError, match=r"one\.py has no function run"):
        om.scripts.put(write(tmp_path / "one.py", code), "s")


def test_an_async_function_is_refused(om: Omega, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedObjectError, match=r"run in one\.py is async"):
        om.scripts.put(write(tmp_path / "one.py", "async def run(om): ..."), "s")


# -- files -------------------------------------------------------------------------------------------------------------


def test_every_module_must_be_python(om: Omega, tmp_path: Path) -> None:
    for text in ("def (", "x = '\0'"):
        with pytest.raises(UnsupportedObjectError, match=r"pkg/bad\.py is not Python"):
            om.scripts.put(package(tmp_path / "pkg", bad=text), "s")


def test_compiled_modules_are_refused_and_bytecode_is_left_out(om: Omega, tmp_path: Path) -> None:
    folder = package(tmp_path / "pkg")
    write(folder / "old.pyc", "")
    assert om.scripts.put(folder, "s").kind_meta["files"] == ["pkg/__init__.py"]
    write(folder / "fast.cpython-311.so", "")
    with pytest.raises(UnsupportedObjectError, match="is compiled for this machine"):
        om.scripts.put(folder, "s")


def test_what_is_no_file_is_refused(om: Omega, tmp_path: Path) -> None:
    os.mkfifo(package(tmp_path / "pipe") / "fifo")
    write(package(tmp_path / "odd") / "new\nline", "")
    for name in ("pipe", "odd"):
        with pytest.raises(UnsupportedObjectError, match="is no file that can be packed"):
            om.scripts.put(tmp_path / name, "s")


def test_a_link_to_a_folder_is_refused(om: Omega, tmp_path: Path) -> None:
    folder = package(tmp_path / "pkg")
    (folder / "sub").symlink_to(tmp_path)
    with pytest.raises(UnsupportedObjectError, match="is a symbolic link"):
        om.scripts.put(folder, "s")


def test_a_huge_file_is_not_even_read(om: Omega, tmp_path: Path) -> None:
    with (package(tmp_path / "pkg") / "huge.bin").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UnsupportedObjectError, match=r"with .*huge\.bin it has more than 64 MB"):
        om.scripts.put(tmp_path / "pkg", "s")


def test_too_many_files_are_refused(om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_reading, "MOST_FILES", 2)
    assert om.scripts.put(package(tmp_path / "pkg", a=""), "s").version == 1
    with pytest.raises(UnsupportedObjectError, match="more than 2 files"):
        om.scripts.put(package(tmp_path / "pkg", b=""), "s")


# -- requirements ------------------------------------------------------------------------------------------------------


def requirements(om: Omega, path: Path) -> Any:
    return om.scripts.put(path, "s").kind_meta["requirements"]


def test_requirements_are_read_as_pip_reads_them(om: Omega, tmp_path: Path) -> None:
    folder = package(tmp_path / "pkg")
    lines = (
        "--index-url https://example.org\n-c limits.txt\nnumpy \\\n  >=1 --hash=sha256:00\n\n-r more.txt  # and more\n"
    )
    write(folder / "requirements.txt", lines)
    write(folder / "more.txt", "pandas[excel] >= 2 ; python_version > '3'\n")
    assert requirements(om, folder) == ["numpy>=1", 'pandas[excel]>=2; python_version > "3"']


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("-r missing.txt", r"missing\.txt is not there"),
        ("-r requirements.txt", "includes itself"),
        ("-e .", "is a folder of this machine"),
        ("./local.whl", "is no requirement"),
    ],
)
def test_requirements_that_can_not_be_checked_are_refused(om: Omega, tmp_path: Path, lines: str, why: str) -> None:
    folder = package(tmp_path / "pkg")
    write(folder / "requirements.txt", lines)
    with pytest.raises(UnsupportedObjectError, match=why):
        om.scripts.put(folder, "s")


@pytest.mark.parametrize("given", ["numpy", [5], 5])
def test_requirements_are_a_list_of_texts(om: Omega, tmp_path: Path, given: Any) -> None:
    with pytest.raises(UnsupportedObjectError, match="requirement"):
        om.scripts.put(package(tmp_path / "pkg"), "s", requirements=given)


def test_requirements_of_a_project_hold_for_the_packages_in_its_source_folder(om: Omega, tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[project]\ndependencies = ["numpy"]')
    assert requirements(om, package(tmp_path / "src" / "pkg")) == ["numpy"]
    assert requirements(om, package(tmp_path / "other" / "pkg")) == []


def test_a_module_declares_its_requirements_inside(om: Omega, tmp_path: Path) -> None:
    text = '# /// script\n# requires-python = ">=3.11"\n#\n# dependencies = ["numpy>=1"]\n# ///\n' + RUN
    assert requirements(om, write(tmp_path / "one.py", text)) == ["numpy>=1"]
    assert requirements(om, write(tmp_path / "two.py", RUN)) == []
    with pytest.raises(UnsupportedObjectError, match=r"one\.py is not TOML"):
        om.scripts.put(write(tmp_path / "one.py", "# /// script\n# dependencies = [\n# ///\n" + RUN), "s")


# -- functions that were typed in --------------------------------------------------------------------------------------


def typed(folder: Path, code: str, name: str = "job") -> FunctionType:
    """Return a function as if the code had been typed into a notebook."""
    spec = importlib.util.spec_from_file_location("__main__", write(folder / "typed.py", code))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, name)
    assert isinstance(function, FunctionType)
    return function


@pytest.mark.parametrize(
    ("around", "code", "expected"),
    [
        ("import math", "def job(om):\n    return math.floor(2.5)", 2),
        ("import xml.dom as d", "def job(om):\n    return d.XML_NAMESPACE[:4]", "http"),
        ("from math import floor as low", "def job(om):\n    return low(2.5)", 2),
        ("from collections import Counter", "def job(om, kind=Counter):\n    return kind('aa')['a']", 2),
        ("add = sum", "def job(om):\n    return add([1, 2])", 3),
        ("RATES = {'a': [1.5, None]}", "def job(om):\n    return [RATES['a'][0] for _ in range(2)]", [1.5, 1.5]),
        ("def twice(x):\n    return 2 * x", "def job(om):\n    return (lambda: twice(4))()", 8),
        ("def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n > 0 and even(n - 1)",
         "def job(om):\n    return even(4)", True),
        ("import functools\ndef d(f):\n    @functools.wraps(f)\n    def g(om):\n        return 2 * f(om)\n    return g",
         "@d\ndef job(om):\n    return 'x'", "xx"),
        ("from __future__ import annotations\nimport json as dumps",
         "def job(om, x: NoSuchType = 1) -> Neither:\n    import json\n    return json.dumps(x)", "1"),
        ("", "def job(om, n=3):\n    return n and job(om, n - 1)", 0),
        ("", "if True:\n    def job(om):\n        global LATER\n        LATER = 5\n        return LATER", 5),
    ],
)  # fmt: skip
def test_a_typed_function_takes_along_what_it_uses(
    om: Omega, tmp_path: Path, around: str, code: str, expected: Any
) -> None:
    assert run(om, typed(tmp_path, f"{around}\n\n{code}\n")) == expected


def test_a_program_puts_functions_of_its_own(tmp_path: Path) -> None:
    program = """
        import sys
        from math import floor
        import omega_ml

        N = 3

        class Base:
            def get(self):
                return floor(N + 0.5)

        class A(Base):
            pass

        def job(om, x):
            return A().get() + x

        om = omega_ml.setup(home=sys.argv[1])
        om.scripts.put(job, "s")
        print(om.runtime.script("s").run(2).get())
    """
    path = write(tmp_path / "program.py", textwrap.dedent(program))
    words = [sys.executable, str(path), str(tmp_path / "home")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("5\n", "")
    assert omega_ml.setup(home=tmp_path / "home").runtime.script("s").run(3).get() == 6


@pytest.mark.parametrize(
    "around",
    [
        "WHAT = object()",
        "WHAT = float('nan')",
        "WHAT = [object()]",
        "WHAT = 'x' * 20_000",
        "WHAT = lambda: 1",
        "def make():\n    def inner(): ...\n    return inner\nWHAT = make()",
        "import types\nWHAT = types.ModuleType('__main__')",
        "def other(): ...\nWHAT = other",
    ],
)
def test_a_typed_function_is_refused_if_it_uses_what_can_not_travel(om: Omega, tmp_path: Path, around: str) -> None:
    with pytest.raises(UnsupportedObjectError, match=r"job uses WHAT from around it, a \w+, which can not travel"):
        om.scripts.put(typed(tmp_path, f"{around}\ndef job(om):\n    return WHAT\n"), "s")


def test_a_helper_whose_lines_are_unknown_is_named(om: Omega, tmp_path: Path) -> None:
    function = typed(tmp_path, "def job(om):\n    return helper()\n")
    code = compile("def helper(): ...", "<nowhere>", "exec")
    function.__globals__["helper"] = FunctionType(code.co_consts[0], function.__globals__, "helper")
    with pytest.raises(UnsupportedObjectError, match="the code of helper can not be found"):
        om.scripts.put(function, "s")


def test_a_line_that_only_a_notebook_understands_is_refused(om: Omega, tmp_path: Path) -> None:
    function = typed(tmp_path, "def job(om):\n    return 1\n")
    write(tmp_path / "typed.py", "def job(om):\n    !ls\n")
    with pytest.raises(UnsupportedObjectError, match="the code of job can not be found"):
        om.scripts.put(function, "s")
