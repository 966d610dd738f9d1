"""Scripts: packages and modules of code, kept by name and run by version."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import omega_ml
from omega_backends.scripts import source as package_source
from omega_backends.scripts.loading import PACKAGES
from omega_backends.scripts.source import Source
from omega_domain.entities.version import Payload
from omega_domain.errors import (
    CorruptPayloadError,
    MissingRequirementError,
    ObjectNotFoundError,
    UnsupportedObjectError,
)
from omega_domain.omega import Omega
from omega_domain.repository.metadata import Metadata

RUN = "def run(om, *args, **kwargs):\n    return [list(args), kwargs]\n"


@pytest.fixture(params=["memory", "local"])
def om(request: pytest.FixtureRequest, tmp_path: Path) -> Omega:
    return omega_ml.setup(store="memory://" if request.param == "memory" else f"file://{tmp_path}/home")


def write(folder: Path, **files: str) -> Path:
    """Write a package; ``sub__inner`` stands for ``sub/inner``."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/') if name != '__init__' else name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content))
    return folder


def run(om: Omega, name: str, *args: Any, **kwargs: Any) -> Any:
    return om.runtime.script(name).run(*args, **kwargs).get()


class TestPutting:
    """What can be a script."""

    def test_a_package_is_put_by_its_path(self, om: Omega, tmp_path: Path) -> None:
        package = write(tmp_path / "pkg", __init__=RUN, other="X = 1")
        (package / "__pycache__").mkdir()
        (package / "__pycache__" / "old.pyc").write_bytes(b"")
        (package / ".hidden").write_text("")
        for path in (package, str(package)):
            meta = om.scripts.put(path, "s")
            assert meta.kind == "python.package"
            assert meta.kind_meta["files"] == ["pkg/__init__.py", "pkg/other.py"]
        assert run(om, "s", 1, b=2) == [[1], {"b": 2}]

    def test_a_module_is_put_by_its_path(self, om: Omega, tmp_path: Path) -> None:
        om.scripts.put(write(tmp_path, single=RUN) / "single.py", "s")
        assert run(om, "s") == [[], {}]
        assert om.scripts.get("s").run(None, 5) == [[5], {}]

    def test_a_relative_path_is_one(self, om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path / "pkg", __init__=RUN)
        monkeypatch.chdir(tmp_path)
        om.scripts.put("pkg", "s")
        assert run(om, "s", 1) == [[1], {}]

    def test_imported_modules_are_put(self, om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path / "some_package", __init__=RUN, inner="def run(om):\n    return 'inner'")
        monkeypatch.syspath_prepend(tmp_path)
        package, inner = importlib.import_module("some_package"), importlib.import_module("some_package.inner")
        om.scripts.put(package, "p")
        om.scripts.put(inner, "m")
        assert (run(om, "p"), run(om, "m")) == ([[], {}], "inner")

    def test_a_function_is_put_with_its_module(
        self, om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, some_module="N = 3\ndef scale(om, x):\n    return N * x\n")
        monkeypatch.syspath_prepend(tmp_path)
        om.scripts.put(importlib.import_module("some_module").scale, "s")
        assert run(om, "s", 2) == 6

    def test_a_function_that_is_typed_in_is_put_by_its_lines(self, om: Omega, tmp_path: Path) -> None:
        om.scripts.put(typed(tmp_path, "def area(om, r):\n    import math\n    return math.floor(r * r * 3)"), "s")
        assert run(om, "s", 2) == 12

    def test_a_function_whose_lines_are_gone_is_refused(self, om: Omega, tmp_path: Path) -> None:
        function = typed(tmp_path, "def area(om, r):\n    return r")
        (tmp_path / "typed.py").unlink()
        with pytest.raises(UnsupportedObjectError, match="code of area can not be found"):
            om.scripts.put(function, "s")

    def test_functions_without_a_module_of_their_own_are_refused(self, om: Omega) -> None:
        def inner(om: Any) -> None:
            """Do nothing."""

        for function in (inner, lambda om: None, TestPutting.test_a_module_is_put_by_its_path):
            with pytest.raises(UnsupportedObjectError, match="no function at the top of a module"):
                om.scripts.put(function, "s")

    def test_nothing_is_run_when_it_is_put(self, om: Omega, tmp_path: Path) -> None:
        om.scripts.put(write(tmp_path, loud=f"raise SystemExit\n{RUN}") / "loud.py", "s")
        assert om.scripts.exists("s")

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("x = 1", r"has no function run\(om, …\)"),
            ("def run(om:\n", r"one\.py is not Python.*line 1"),
        ],
    )
    def test_what_can_not_be_run_is_refused(self, om: Omega, tmp_path: Path, content: str, why: str) -> None:
        with pytest.raises(UnsupportedObjectError, match=why):
            om.scripts.put(write(tmp_path, one=content) / "one.py", "s")
        assert not om.scripts.exists("s")

    def test_messages_call_an_object_by_the_noun_of_its_store(self, om: Omega, tmp_path: Path) -> None:
        path = write(tmp_path, one="x = 1") / "one.py"
        with pytest.raises(UnsupportedObjectError, match=r"^the script 's' can not be put: "):
            om.scripts.put(path, "s")
        with pytest.raises(UnsupportedObjectError, match=r"^the job 'nb' can not be put: .*not there"):
            om.jobs.put("nowhere", "nb")

    @pytest.mark.parametrize("content", ["from .other import run", "run = max", "import os as run", "class run: pass"])
    def test_the_function_may_be_made_in_any_way(self, om: Omega, tmp_path: Path, content: str) -> None:
        om.scripts.put(write(tmp_path / "pkg", __init__=content, other=RUN), "s")

    def test_names_that_python_can_not_import_are_refused(self, om: Omega, tmp_path: Path) -> None:
        for stem in ("my-script", "class"):
            (tmp_path / f"{stem}.py").write_text(RUN)
            with pytest.raises(UnsupportedObjectError, match="can not be the name"):
                om.scripts.put(tmp_path / f"{stem}.py", "s")

    def test_what_is_no_code_is_refused(self, om: Omega, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "text.txt").write_text("x")
        with pytest.raises(UnsupportedObjectError, match=r"has no __init__\.py"):
            om.scripts.put(tmp_path / "empty", "s")
        with pytest.raises(UnsupportedObjectError, match="neither a package nor a module"):
            om.scripts.put(tmp_path / "text.txt", "s")
        with pytest.raises(UnsupportedObjectError, match="missing is not there"):
            om.scripts.put("missing", "s")
        with pytest.raises(UnsupportedObjectError, match="the module sys has no file"):
            om.scripts.put(sys, "s")

    def test_symbolic_links_are_refused(self, om: Omega, tmp_path: Path) -> None:
        package = write(tmp_path / "pkg", __init__=RUN)
        (package / "secret").symlink_to("/etc/passwd")
        with pytest.raises(UnsupportedObjectError, match="secret is a symbolic link"):
            om.scripts.put(package, "s")

    def test_what_is_too_large_is_refused(self, om: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(package_source, "LIMIT", 10)
        with pytest.raises(UnsupportedObjectError, match="keep data as datasets"):
            om.scripts.put(write(tmp_path / "pkg", __init__=RUN), "s")

    def test_the_same_code_takes_no_more_room(self, om: Omega, tmp_path: Path) -> None:
        first = om.scripts.put(write(tmp_path / "pkg", __init__=RUN), "s")
        os.utime(tmp_path / "pkg" / "__init__.py", (1, 1))
        assert om.scripts.put(tmp_path / "pkg", "s").parts[0].ref == first.parts[0].ref

    def test_elsewhere_a_path_is_no_script(self, om: Omega, tmp_path: Path) -> None:
        path = str(write(tmp_path / "pkg", __init__=RUN))
        assert om.datasets.put(path, "text").kind == "python.data"
        assert om.datasets.put(Path(path), "folder").kind == "python.file"
        with pytest.raises(UnsupportedObjectError):
            om.datasets.put(typed(tmp_path, "def f(om): pass"), "f")

    def test_other_things_can_be_in_the_store_of_scripts(self, om: Omega) -> None:
        assert om.scripts.put({"a": 1}, "facts").kind == "python.data"
        assert om.scripts.put("text", "text", kind="python.data").kind == "python.data"

    def test_a_summary_tells_what_there_is(self, om: Omega, tmp_path: Path) -> None:
        om.scripts.put(write(tmp_path / "pkg", __init__=RUN), "s", requirements=["pandas>=2"])
        assert om.scripts.summary("s")["requirements"] == ["pandas>=2"]


class TestRunning:
    """Each version is a world of its own."""

    def test_the_newest_version_is_run_and_older_ones_by_number(self, om: Omega, tmp_path: Path) -> None:
        for number in (1, 2):
            om.scripts.put(write(tmp_path, one=f"def run(om):\n    return {number}\n") / "one.py", "s")
            assert run(om, "s") == number
        assert run(om, "s@1") == 1
        with pytest.raises(ObjectNotFoundError):
            om.runtime.script("s@3").run()

    def test_it_gets_the_omega_of_its_bucket(self, om: Omega, tmp_path: Path) -> None:
        script = "def run(om, name):\n    om.datasets.put([1], name)\n    return om.bucket\n"
        om["b"].scripts.put(write(tmp_path, one=script) / "one.py", "s")
        assert run(om["b"], "s", "made") == "b"
        assert om["b"].datasets.get("made") == [1]

    def test_it_imports_its_own_package_in_every_way(self, om: Omega, tmp_path: Path) -> None:
        package = write(
            tmp_path / "pkg",
            __init__="""
                import pkg.sub.inner
                import pkg.sub as renamed
                from pkg import other
                from pkg.sub.inner import name
                from . import other as again
                from .sub import inner
                import json

                def run(om):
                    from pkg.late import value
                    assert pkg.sub.inner is inner is renamed.inner
                    assert other is again
                    return [name, other.X, value, json.dumps(1), __name__ != 'pkg']
            """,
            other="X = 'other'",
            late="value = 'late'",
            sub____init__="",
            sub__inner="from pkg.other import X as x\nname = x + '!'",
        )
        (package / "sub" / "__init__.py").write_text("")
        om.scripts.put(package, "s")
        assert run(om, "s") == ["other!", "other", "late", "1", True]
        assert "pkg" not in sys.modules
        assert str(tmp_path) not in sys.path

    def test_an_import_that_fails_says_so(self, om: Omega, tmp_path: Path) -> None:
        for line in (
            "import pkg.missing",
            "from pkg import missing",
            "from .missing import x",
            "import not_installed_x",
        ):
            om.scripts.put(write(tmp_path / "pkg", __init__=f"{line}\n{RUN}"), "s")
            with pytest.raises(ImportError, match=r"missing|not_installed_x"):
                run(om, "s")

    def test_scripts_do_not_see_each_others_modules(self, om: Omega, tmp_path: Path) -> None:
        names = [f"s{i}" for i in range(6)]
        for name in names:
            script = "from . import state\nfrom pkg.state import NAME\ndef run(om):\n    state.seen.append(NAME)\n"
            script += "    import time; time.sleep(0.01)\n    return [NAME, state.seen]\n"
            om.scripts.put(write(tmp_path / name / "pkg", __init__=script, state=f"NAME = {name!r}\nseen = []"), name)
        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(lambda name: run(om, name), names * 3))
        assert [result[0] for result in results] == names * 3
        assert all(set(seen) == {name} for name, seen in results)

    def test_code_that_is_no_longer_used_is_unloaded(self, om: Omega, tmp_path: Path) -> None:
        meta = om.scripts.put(write(tmp_path / "pkg", __init__=f"import pkg.other\n{RUN}", other=""), "s")
        run(om, "s")
        assert len(loaded(meta)) == 2
        PACKAGES.clear()
        assert loaded(meta) == []

    def test_a_traceback_shows_the_lines(self, om: Omega, tmp_path: Path) -> None:
        package = write(
            tmp_path / "pkg", __init__="from .deep import dig as run", deep="def dig(om):\n    1 / 0  # here\n"
        )
        om.scripts.put(package, "s")
        with pytest.raises(ZeroDivisionError) as caught:
            run(om, "s")
        assert re.search(r"<script s@1 [0-9a-f]{8}>/pkg/deep\.py", caught.value.__notes__[0])
        assert "1 / 0  # here" in caught.value.__notes__[0]

    def test_a_traceback_shows_the_lines_of_the_version_that_ran(self, om: Omega, tmp_path: Path) -> None:
        for word in ("first", "second"):
            om.scripts.put(write(tmp_path, one=f"def run(om):\n    raise KeyError  # {word}\n") / "one.py", "s")
            with pytest.raises(KeyError) as caught:
                om.scripts.get("s").run(None)
            assert f"# {word}" in "".join(traceback.format_exception(caught.value))

    def test_files_beside_the_code_are_resources(self, om: Omega, tmp_path: Path) -> None:
        script = """
            from importlib.resources import files
            def run(om):
                return files(__package__).joinpath("data", "table.csv").read_text()
        """
        package = write(tmp_path / "pkg", __init__=script, module="")
        (package / "data").mkdir()
        (package / "data" / "table.csv").write_text("a,b")
        om.scripts.put(package, "s")
        assert run(om, "s") == "a,b"

    def test_a_module_has_no_resources(self, om: Omega, tmp_path: Path) -> None:
        om.scripts.put(write(tmp_path, one=RUN) / "one.py", "s")
        module = om.scripts.get("s")
        assert module.__spec__ is not None
        assert module.__spec__.loader.get_resource_reader(module.__name__) is None

    def test_an_error_while_loading_leaves_nothing_behind(self, om: Omega, tmp_path: Path) -> None:
        meta = om.scripts.put(write(tmp_path / "pkg", __init__=f"import pkg.other\n1 / 0\n{RUN}", other=""), "s")
        before = list(sys.meta_path)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                run(om, "s")
        assert sys.meta_path == before
        assert loaded(meta) == []


class TestForwarding:
    """What a script gets of those that ran before it."""

    @pytest.mark.parametrize(
        ("signature", "args", "expected"),
        [
            ("om, x", [], "x"),
            ("om, *args", [], "args"),
            ("om, *args, results=None", [1], "results"),
            ("om, x, **kwargs", [1], "kwargs"),
            ("om, x=1", [1], None),
            ("om", [], None),
        ],
    )
    def test_a_result_goes_where_the_function_takes_it(
        self, om: Omega, tmp_path: Path, signature: str, args: list[Any], expected: str | None
    ) -> None:
        om.scripts.put(write(tmp_path, first="def run(om):\n    return 'r'\n") / "first.py", "first")
        om.scripts.put(write(tmp_path, then=f"def run({signature}):\n    return str(locals())\n") / "then.py", "then")
        with om.runtime.sequence() as crt:
            crt.script("first").run()
            om.runtime.script("then").run(*args)
        seen = crt.run().get()
        found = {"x": "'x': 'r'", "args": "'args': ('r',)", "results": "'results': 'r'", "kwargs": "{'results': 'r'}"}
        assert ("'r'" in seen) is (expected is not None)
        assert expected is None or found[expected] in seen

    def test_the_last_script_of_mapreduce_gets_all_results(self, om: Omega, tmp_path: Path) -> None:
        om.scripts.put(write(tmp_path, one="def run(om, x):\n    return x\n") / "one.py", "map")
        om.scripts.put(write(tmp_path, two="def run(om, results):\n    return sum(results)\n") / "two.py", "reduce")
        with om.runtime.mapreduce() as crt:
            for i in range(4):
                crt.script("map").run(i)
            crt.script("reduce").run()
        assert crt.run().get() == 6


class TestRequirements:
    """What must be installed is checked before anything runs."""

    def test_all_that_is_missing_is_named(self, om: Omega, tmp_path: Path) -> None:
        needed = ["numpy>=1", "pandas<1", "nowhere-to-be-found>=2", "unneeded-here; python_version < '3'"]
        om.scripts.put(write(tmp_path, one=RUN) / "one.py", "s", requirements=needed)
        with pytest.raises(MissingRequirementError) as caught:
            run(om, "s")
        message = str(caught.value)
        assert "pandas<1, but" in message
        assert "nowhere-to-be-found>=2, which is not installed" in message
        assert "numpy>=1," not in message
        assert "; unneeded" not in message
        assert message.startswith("the script 's' needs")

    def test_they_are_found_beside_the_code(self, om: Omega, tmp_path: Path) -> None:
        package = write(tmp_path / "a" / "pkg", __init__=RUN)
        assert om.scripts.put(package, "s").kind_meta["requirements"] == []
        (tmp_path / "a" / "pyproject.toml").write_text('[project]\ndependencies = ["pandas >= 2"]')
        assert om.scripts.put(package, "s").kind_meta["requirements"] == ["pandas>=2"]
        (package / "requirements.txt").write_text("# what we need\nnumpy  # arrays\n\n")
        assert om.scripts.put(package, "s").kind_meta["requirements"] == ["numpy"]
        assert om.scripts.put(package, "s", requirements=[]).kind_meta["requirements"] == []

    def test_what_is_no_requirement_is_refused(self, om: Omega, tmp_path: Path) -> None:
        package = write(tmp_path / "pkg", __init__=RUN)
        with pytest.raises(UnsupportedObjectError, match=r"'-r others\.txt' is no requirement"):
            om.scripts.put(package, "s", requirements=["-r others.txt"])
        (package / "pyproject.toml").write_text("not toml")
        with pytest.raises(UnsupportedObjectError, match="is not TOML"):
            om.scripts.put(package, "s")


class TestDamage:
    """Code is run only if it is what was put."""

    def test_changed_code_is_not_run(self, tmp_path: Path) -> None:
        om = omega_ml.setup(home=tmp_path / "home")
        meta = om.scripts.put(write(tmp_path, one=RUN) / "one.py", "s")
        other = Source(top="one", files={"one.py": b"def run(om):\n    return 'evil'\n"}).to_zip()
        path = Path(om.context.store.files.local_path(meta.parts[0].ref))  # type: ignore[attr-defined]
        path.chmod(0o600)
        path.write_bytes(other)
        with pytest.raises(CorruptPayloadError):
            run(om, "s")

    def test_what_is_no_zip_is_said(self, om: Omega) -> None:
        part = om.scripts.payloads.write(lambda file: file.write(b"no zip"))
        facts = {"top": "one", "entry": "run", "requirements": []}
        om.scripts.make_metadata("s", "python.package").set_payload(Payload([part], facts)).save()
        with pytest.raises(CorruptPayloadError, match="can not be unpacked"):
            run(om, "s")


def loaded(meta: Metadata) -> list[str]:
    """Return the modules of a version that are loaded."""
    assert meta.record is not None
    key = f"{meta.record.id} {meta.parts[0].sha256}"
    token = hashlib.sha256(key.encode()).hexdigest()[:12]
    return [name for name in sys.modules if name.partition(".")[0].endswith(f"@{token}")]


def typed(folder: Path, code: str) -> Any:
    """Return the last function of some code, as if it had been typed into a notebook."""
    path = folder / "typed.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location("__main__", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [each for each in vars(module).values() if isinstance(each, type(typed))][-1]


@pytest.fixture(autouse=True)
def nothing_stays_loaded() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name in {"some_package", "some_package.inner", "some_module"}]:
        module: ModuleType = sys.modules.pop(name)
        del module
