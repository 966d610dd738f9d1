"""Scripts side by side: in threads, contexts and versions, and when they are no longer used."""

from __future__ import annotations

import gc
import importlib
import linecache
import pkgutil
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import omega_ml
from omega_backends.python_package import PythonPackageBackend
from omega_backends.scripts.loading import PACKAGES, LoadedPackages, ScriptLoader
from omega_backends.scripts.source import Source
from omega_domain.errors import BlobNotFoundError, CorruptPayloadError
from omega_domain.omega import Omega
from omega_domain.ports.backend import DataBackend
from omega_domain.testing.backend import DataBackendContract


class Anywhere(PythonPackageBackend):
    """The same in all stores, which is what the contract of backends asks for."""

    PREFIXES = ()


class TestPythonPackageBackend(DataBackendContract):
    @pytest.fixture
    def backend(self) -> type[DataBackend]:
        return Anywhere

    @pytest.fixture
    def objects(self, tmp_path: Path) -> list[Any]:
        for i, name in enumerate(("one", "two", "three")):
            (tmp_path / f"{name}.py").write_text(f"def run(om):\n    return {i}\n")
        return [tmp_path / "one.py", tmp_path / "two.py", tmp_path / "three.py"]

    def same(self, found: Any, expected: Any) -> bool:
        return bool(self._content(found) == self._content(expected))

    @staticmethod
    def _content(code: Path | ModuleType) -> str:
        if isinstance(code, Path):
            return code.read_text()
        assert isinstance(code.__loader__, ScriptLoader)
        return code.__loader__.get_source(code.__name__)


@pytest.fixture
def om(tmp_path: Path) -> Omega:
    return omega_ml.setup(home=tmp_path / "home")


@pytest.fixture
def packages() -> LoadedPackages:
    return LoadedPackages(capacity=2)


@pytest.fixture(autouse=True)
def nothing_is_left(packages: LoadedPackages) -> Iterator[None]:
    yield
    packages.clear()
    PACKAGES.clear()
    assert [name for name in sys.modules if "@" in name] == []
    assert not {packages, PACKAGES} & {each for each in sys.meta_path if isinstance(each, LoadedPackages)}


def package(**modules: str) -> Source:
    """Return the source of a package ``pkg``; ``sub__inner`` is ``sub/inner``."""
    paths = {name: name if name == "__init__" else name.replace("__", "/") for name in modules}
    return Source(
        top="pkg", files={f"pkg/{paths[name]}.py": textwrap.dedent(modules[name]).encode() for name in modules}
    )


def put(om: Omega, name: str, code: str, **modules: str) -> None:
    source = package(__init__=code, **modules)
    om.scripts.put(source.write_to(Path(om.context.store.url.removeprefix("file://")) / "code" / name), name)


LAZY = {"code": "def run(om):\n    from .late import VALUE\n    return VALUE\n", "late": "VALUE = 'late'\n"}


def load(packages: LoadedPackages, key: str, source: Source) -> ModuleType:
    return packages.get_or_load(key, lambda: source, title=f"script {key}").module


# -- once, and only once -----------------------------------------------------------------------------------------------


def test_many_threads_load_a_version_once(om: Omega) -> None:
    put(om, "s", "import time\ntime.sleep(0.05)\nSTATE = []\n" + LAZY["code"], late="VALUE = 'late'\n")
    ready = threading.Barrier(8)

    def use(_: int) -> tuple[int, Any]:
        ready.wait()
        return id(om.scripts.get("s").STATE), om.runtime.script("s").run().get()

    with ThreadPoolExecutor(8) as pool:
        states, values = zip(*pool.map(use, range(8)), strict=True)
    assert len(set(states)) == 1
    assert set(values) == {"late"}


def test_two_contexts_of_a_store_share_what_is_loaded(om: Omega, tmp_path: Path) -> None:
    put(om, "s", LAZY["code"], late=LAZY["late"])
    other = omega_ml.setup(home=tmp_path / "home")
    module = om.scripts.get("s")
    assert other.scripts.get("s") is module
    del other
    gc.collect()
    assert sys.modules[module.__name__] is module
    assert om.runtime.script("s").run().get() == "late"


def test_the_same_code_under_two_names_has_two_states(om: Omega) -> None:
    for name in ("a", "b"):
        put(om, name, "CALLS = []\ndef run(om):\n    CALLS.append(1)\n    return len(CALLS)\n")
    assert [om.runtime.script(name).run().get() for name in ("a", "a", "b")] == [1, 2, 1]


def test_the_payload_is_not_read_again(om: Omega) -> None:
    put(om, "s", "def run(om):\n    return 1\n")
    om.runtime.script("s").run().get()
    meta = om.scripts.metadata("s", required=True)
    om.context.store.files.delete([meta.parts[0].ref], leased_before=om.scripts.payloads.lease_end())
    assert om.runtime.script("s").run().get() == 1
    PACKAGES.clear()
    gc.collect()
    with pytest.raises((BlobNotFoundError, CorruptPayloadError)):
        om.runtime.script("s").run().get()


# -- when they are no longer used --------------------------------------------------------------------------------------


def test_the_least_recently_used_is_taken_out(packages: LoadedPackages) -> None:
    names = {key: load(packages, key, package(__init__="")).__name__ for key in "ab"}
    load(packages, "a", package(__init__=""))
    names["c"] = load(packages, "c", package(__init__="")).__name__
    assert {key: name in sys.modules for key, name in names.items()} == {"a": True, "b": False, "c": True}


def test_a_module_that_somebody_holds_works_on(packages: LoadedPackages) -> None:
    module = load(packages, "a", package(__init__=LAZY["code"], late=LAZY["late"]))
    packages.clear()
    assert module.__name__ not in sys.modules
    assert module.run(None) == "late"
    assert module.__name__ not in sys.modules


def test_what_is_held_is_not_loaded_a_second_time(packages: LoadedPackages) -> None:
    module = load(packages, "a", package(__init__=LAZY["code"], late=LAZY["late"]))
    module.run(None)
    packages.clear()
    assert load(packages, "a", package(__init__="")) is module
    assert f"{module.__name__}.late" in sys.modules


def test_what_runs_is_not_taken_out(packages: LoadedPackages) -> None:
    running = packages.get_or_load("a", lambda: package(__init__=LAZY["code"], late=LAZY["late"]), title="a")
    with running.in_use():
        packages.clear()
        assert running.root in sys.modules
    assert running.root not in sys.modules


def test_code_is_forgotten_with_its_modules(packages: LoadedPackages) -> None:
    load(packages, "a", package(__init__="class Big: pass\n"))
    packages.clear()
    gc.collect()
    assert load(packages, "a", package(__init__="NEW = True")).NEW


def test_a_failed_load_is_tried_afresh(packages: LoadedPackages) -> None:
    for number in (1, 2):
        with pytest.raises(ZeroDivisionError) as caught:
            load(packages, "a", package(__init__="from . import part\n1 / 0\n", part=""))
        assert caught.value.__traceback__ is not None, number
        assert [name for name in sys.modules if name.startswith("pkg@")] == []


# -- imports -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import pkg.sub.inner\nrun = lambda om: pkg.sub.inner.WORD",
        "import pkg.sub.inner as x\nrun = lambda om: x.WORD",
        "from pkg.sub import inner\nrun = lambda om: inner.WORD",
        "from pkg.sub.inner import *\nrun = lambda om: WORD",
        "from .sub import inner\nrun = lambda om: inner.WORD",
        "from . import sub\nfrom .sub.inner import WORD\nrun = lambda om: sub.inner.WORD",
        "def run(om):\n    from pkg.sub import inner\n    return inner.WORD",
        "import importlib\nx = importlib.import_module('.sub.inner', __package__)\nrun = lambda om: x.WORD",
    ],
)
@pytest.mark.parametrize("is_namespace", [False, True])
def test_modules_of_its_own_are_found(packages: LoadedPackages, code: str, *, is_namespace: bool) -> None:
    modules = {"__init__": code, "sub__inner": "from ..words import WORD", "words": "WORD = 'x'"}
    source = package(**modules)
    if not is_namespace:
        source = Source(top="pkg", files={**source.files, "pkg/sub/__init__.py": b""})
    assert load(packages, code, source).run(None) == "x"


@pytest.mark.parametrize("code", ["from .. import x", "from ..x import y", "import pkg.no", "from pkg import no"])
def test_nothing_outside_of_it_is_taken_for_its_own(packages: LoadedPackages, code: str) -> None:
    with pytest.raises(ImportError):
        load(packages, code, package(__init__=code))


def test_an_installed_package_of_the_same_name_is_left_alone(packages: LoadedPackages) -> None:
    source = Source(top="json", files={"json/__init__.py": b"from json.own import X", "json/own.py": b"X = 'mine'"})
    assert load(packages, "a", source).X == "mine"
    assert importlib.import_module("json").loads("1") == 1
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("json.own")


def test_what_looks_a_class_up_by_its_module_finds_it(packages: LoadedPackages) -> None:
    code = """
        from __future__ import annotations
        import copy, pickle, typing
        from dataclasses import dataclass

        @dataclass
        class Point:
            x: int

        def run(om):
            copied = pickle.loads(pickle.dumps(Point(1)))
            return copied == Point(1) and typing.get_type_hints(Point) == {"x": int}
    """
    assert load(packages, "a", package(__init__=code)).run(None) is True


# -- files beside the code, and tracebacks -----------------------------------------------------------------------------


def test_files_beside_the_code_are_read_by_pkgutil(packages: LoadedPackages) -> None:
    source = package(__init__="")
    source = Source(top="pkg", files={**source.files, "pkg/data/a.txt": b"content"})
    name = load(packages, "a", source).__name__
    assert pkgutil.get_data(name, "data/a.txt") == b"content"
    with pytest.raises(FileNotFoundError, match=r"no <script a .*missing\.txt"):
        pkgutil.get_data(name, "missing.txt")


def test_tracebacks_of_equal_names_do_not_mix_their_lines(om: Omega) -> None:
    linecache.clearcache()
    for word in ("first", "second"):
        put(om[word], "s", f"def run(om):\n    raise KeyError  # {word}\n")
    for word in ("first", "second", "first"):
        with pytest.raises(KeyError) as caught:
            om[word].scripts.get("s").run(None)
        assert f"# {word}" in "".join(traceback.format_exception(caught.value))


# -- arguments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signature", "args", "kwargs", "expected"),
    [
        ("om, results", [5], {}, {"results": 5}),
        ("om, x, *rest", [], {"x": 5}, {"x": 5, "rest": []}),
        ("om, x, **rest", [], {"x": 5}, {"x": 5, "rest": {"results": "r"}}),
        ("om, **rest", [], {"results": 5}, {"rest": {"results": 5}}),
        ("om, *, results=0", [], {}, {"results": "r"}),
        ("*both", [], {}, {"both": ["om", "r"]}),
        ("om, x=0, /", [], {}, {"x": "r"}),
    ],
)
def test_what_is_forwarded_takes_no_place_of_what_is_given(
    om: Omega, signature: str, args: list[Any], kwargs: dict[str, Any], expected: dict[str, Any]
) -> None:
    put(om, "first", "def run(om):\n    return 'r'\n")
    seen = "{k: list(v) if isinstance(v, tuple) else v for k, v in seen.items() if k != 'om'}"
    code = f"def run({signature}):\n    seen = dict(locals())\n    seen.pop('both', None)\n    return {seen}\n"
    if "both" in expected:
        code = "def run(*both):\n    return {'both': ['om', *both[1:]]}\n"
    put(om, "then", code)
    with om.runtime.sequence() as crt:
        om.runtime.script("first").run()
        om.runtime.script("then").run(*args, **kwargs)
    assert crt.run().get() == expected


def test_arguments_may_have_any_name_but_those_of_the_runtime(om: Omega) -> None:
    put(om, "s", "def run(om, **kwargs):\n    return kwargs\n")
    given = {"scriptname": 1, "name": 2, "self": 3, "args": 4}
    assert om.runtime.script("s").run(**given).get() == given


# -- getting code back -------------------------------------------------------------------------------------------------


def test_the_code_comes_back_as_it_was(om: Omega, tmp_path: Path) -> None:
    put(om, "s", "raise SystemExit\ndef run(om): ...\n", sub__inner="x = 1\n")
    found = om.scripts.get("s", path=tmp_path / "back")
    assert found == tmp_path / "back" / "pkg"
    assert (found / "sub" / "inner.py").read_text() == "x = 1\n"


def test_a_module_comes_back_as_a_file(om: Omega, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("def run(om): ...\n")
    om.scripts.put(tmp_path / "one.py", "s")
    assert om.scripts.get("s", path=str(tmp_path / "back")) == tmp_path / "back" / "one.py"


def test_what_was_got_can_be_put_again(om: Omega) -> None:
    put(om, "s", LAZY["code"], late=LAZY["late"] + "def other(om):\n    return 'other'\n")
    module = om.scripts.get("s")
    om.scripts.put(module, "module")
    om.scripts.put(module.run, "function")
    om.scripts.put(importlib.import_module(f"{module.__name__}.late").other, "inner")
    assert [om.runtime.script(name).run().get() for name in ("module", "function", "inner")] == [
        "late",
        "late",
        "other",
    ]
    assert (
        om.scripts.metadata("module", required=True).parts[0].ref
        == om.scripts.metadata("s", required=True).parts[0].ref
    )


@pytest.mark.parametrize(
    "path",
    ["/etc/outside", "pkg/../../outside", "pkg/folder/", "other.py", "pkg.pyx", "pkg\\..\\x", "pkg/c:x", "pkg//x"],
)
def test_a_forged_zip_is_refused(path: str) -> None:
    source = Source(top="pkg", files={"pkg/__init__.py": b"", path: b""})
    with pytest.raises(CorruptPayloadError, match=r"is no file within it|is no name below a folder"):
        Source.from_zip(source.to_zip(), source.facts, "s")


@pytest.mark.parametrize("top", ["../outside", "", "/etc", ".", None])
def test_the_name_of_a_package_is_no_path(top: str) -> None:
    source = Source(top="pkg", files={"pkg/__init__.py": b""})
    with pytest.raises(CorruptPayloadError, match="is no name of a package"):
        Source.from_zip(source.to_zip(), {**source.facts, "top": top}, "s")


def test_a_file_that_others_are_below_is_refused() -> None:
    source = Source(top="pkg", files={"pkg/__init__.py": b"", "pkg/a": b"", "pkg/a/b": b""})
    with pytest.raises(CorruptPayloadError, match="'pkg/a' is a file, and 'pkg/a/b' is below it"):
        Source.from_zip(source.to_zip(), source.facts, "s")


def test_code_is_not_written_through_links(tmp_path: Path) -> None:
    source = Source(top="pkg", files={"pkg/__init__.py": b"new", "pkg/sub/a.py": b"new"})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.py").write_text("mine")
    (tmp_path / "out" / "pkg").mkdir(parents=True)
    (tmp_path / "out" / "pkg" / "sub").symlink_to(tmp_path / "mine")
    with pytest.raises(FileExistsError, match="sub: it is a link, where a folder has to be"):
        source.write_to(tmp_path / "out")
    assert not (tmp_path / "out" / "pkg" / "__init__.py").exists()
    (tmp_path / "out" / "pkg" / "sub").unlink()
    (tmp_path / "out" / "pkg" / "sub").mkdir()
    (tmp_path / "out" / "pkg" / "sub" / "a.py").symlink_to(tmp_path / "mine" / "a.py")
    source.write_to(tmp_path / "out")
    assert (tmp_path / "out" / "pkg" / "sub" / "a.py").read_bytes() == b"new"
    assert (tmp_path / "mine" / "a.py").read_text() == "mine"


def test_a_zip_that_is_too_large_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    source = package(__init__="x = 1")
    monkeypatch.setattr("omega_backends.scripts.source.LIMIT", 4)
    with pytest.raises(CorruptPayloadError, match="more than 0 MB"):
        Source.from_zip(source.to_zip(), source.facts, "s")


def test_the_zip_is_the_same_on_every_machine() -> None:
    one, two = {"pkg/b.py": b"2", "pkg/a.py": b"1"}, {"pkg/a.py": b"1", "pkg/b.py": b"2"}
    assert Source(top="pkg", files=one).digest == Source(top="pkg", files=two).digest
    assert Source(top="pkg", files=one).digest == "3cd5c60bab8e7466556cbcc0ce97b14861d0931287713dcf7ea0e08a7db0c457"


def test_reading_needs_only_the_function_that_is_asked_for(packages: LoadedPackages) -> None:
    asked: list[int] = []

    def read() -> Source:
        asked.append(1)
        return package(__init__="")

    use: Callable[[], object] = lambda: packages.get_or_load("a", read, title="a")  # noqa: E731
    assert use() is use()
    assert asked == [1]
