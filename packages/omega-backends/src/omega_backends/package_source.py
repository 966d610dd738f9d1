"""Sources of scripts: the files of a package or module, and what is known of them before any of it is run."""

from __future__ import annotations

import ast
import inspect
import io
import keyword
import sys
import textwrap
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import FunctionType, ModuleType
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement

from omega_domain.errors import UnsupportedObjectError

RUN: Final = "run"
LIMIT: Final = 64 << 20

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT: Final = frozenset({"__pycache__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The code of a script.

    Attributes:
        top: name of its package or module.
        files: content of each file by its path, ``top/…`` of a package, ``top.py`` of a module.
        entry: name of the function that is called.
        requirements: what must be installed to run it.
    """

    top: str
    files: dict[str, bytes]
    entry: str = RUN
    requirements: tuple[str, ...] = ()

    @property
    def is_package(self) -> bool:
        """Whether it is a package; else it is a single module."""
        return f"{self.top}.py" not in self.files

    def to_zip(self) -> bytes:
        """Return the files as a zip, the same bytes for the same files."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in sorted(self.files.items()):
                archive.writestr(zipfile.ZipInfo(path, _EPOCH), content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()


def read_source(obj: Any, name: str, requirements: Sequence[str] | None = None) -> Source:
    """Return the code of a package or module, given by its path, itself, or a function of it; nothing of it is run.

    Args:
        obj: the path, module or function.
        name: name it is put by, for messages.
        requirements: what must be installed to run it; by default what its ``requirements.txt`` or ``pyproject.toml``
            says.

    Raises:
        UnsupportedObjectError: its code can not be found or read, has no function to call, or is too large.
    """
    found = _of_function(obj, name) if isinstance(obj, FunctionType) else _of_path(_path_of(obj, name), name)
    _check_entry(found, name)
    size = sum(map(len, found.files.values()))
    if size > LIMIT:
        raise _refusal(name, f"it has {size >> 20} MB, more than {LIMIT >> 20}: keep data as datasets, not beside code")
    given = found.requirements if requirements is None else requirements
    return Source(top=found.top, files=found.files, entry=found.entry, requirements=tuple(_checked(given, name)))


def _path_of(obj: Any, name: str) -> Path:
    if not isinstance(obj, ModuleType):
        return Path(obj)
    file = getattr(obj, "__file__", None)
    if not file or not str(file).endswith(".py"):
        raise _refusal(name, f"the module {obj.__name__} has no file of Python code")
    return Path(file).parent if hasattr(obj, "__path__") else Path(file)


def _of_path(path: Path, name: str) -> Source:
    path = path.absolute()
    if path.is_dir():
        files = {f"{path.name}/{inner}": content for inner, content in _folder(path, name)}
        if f"{path.name}/__init__.py" not in files:
            raise _refusal(name, f"{path} has no __init__.py, so it is no package")
        return Source(top=_top(path.name, name), files=files, requirements=_declared(path, name))
    if path.suffix != ".py" or not path.is_file():
        what = "neither a package nor a module" if path.exists() else "not there"
        raise _refusal(name, f"{path} is {what}: give the path of a folder with __init__.py, or of a .py file")
    return Source(top=_top(path.stem, name), files={path.name: path.read_bytes()})


def _folder(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if any(part in _LEFT_OUT or part.startswith(".") for part in inner.parts):
            continue
        if path.is_symlink():
            raise _refusal(name, f"{inner} is a symbolic link; put what it points to in its place")
        if path.is_file():
            yield inner.as_posix(), path.read_bytes()


def _of_function(function: FunctionType, name: str) -> Source:
    """Return the module that a function is in; of one that is typed in, such as in a notebook, its own lines."""
    if function.__name__ == "<lambda>" or "<locals>" in function.__qualname__ or "." in function.__qualname__:
        raise _refusal(name, f"{function.__qualname__} is no function at the top of a module")
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if module is not None and file and module.__name__ != "__main__":
        found = _of_path(Path(file), name)
        return Source(top=found.top, files=found.files, entry=function.__name__)
    return Source(top="script", files={"script.py": _lines_of(function, name)}, entry=function.__name__)


def _lines_of(function: FunctionType, name: str) -> bytes:
    outside = sorted(word for word in function.__code__.co_names if word in function.__globals__)
    if outside:
        raise _refusal(
            name, f"{function.__name__} uses {', '.join(outside)} from around it: import it inside the function"
        )
    try:
        return textwrap.dedent(inspect.getsource(function)).encode()
    except (OSError, TypeError) as error:
        raise _refusal(name, f"the code of {function.__name__} can not be found: {error}") from error


def _check_entry(source: Source, name: str) -> None:
    path = f"{source.top}/__init__.py" if source.is_package else f"{source.top}.py"
    try:
        tree = ast.parse(source.files[path], filename=path)
    except (SyntaxError, ValueError) as error:
        raise _refusal(name, f"{path} is not Python: {error}") from error
    if source.entry not in {word for node in tree.body for word in _defined(node)}:
        raise _refusal(name, f"{path} has no function {source.entry}(om, …), which is what is called")


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.ImportFrom | ast.Import):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _top(stem: str, name: str) -> str:
    if not stem.isidentifier() or keyword.iskeyword(stem):
        raise _refusal(name, f"{stem!r} can not be the name of a package or module: rename it")
    return stem


def _declared(folder: Path, name: str) -> tuple[str, ...]:
    listed = folder / "requirements.txt"
    if listed.is_file():
        lines = (line.partition("#")[0].strip() for line in listed.read_text(encoding="utf-8").splitlines())
        return tuple(line for line in lines if line)
    for project in (folder / "pyproject.toml", folder.parent / "pyproject.toml"):
        if project.is_file():
            try:
                content = tomllib.loads(project.read_text(encoding="utf-8"))
            except tomllib.TOMLDecodeError as error:
                raise _refusal(name, f"{project} is not TOML: {error}") from error
            return tuple(content.get("project", {}).get("dependencies", ()))
    return ()


def _checked(requirements: Sequence[str], name: str) -> Iterator[str]:
    for text in requirements:
        try:
            yield str(Requirement(text))
        except InvalidRequirement as error:
            raise _refusal(name, f"{text!r} is no requirement such as 'pandas>=2': {error}") from error


def _refusal(name: str, why: str) -> UnsupportedObjectError:
    return UnsupportedObjectError(f"the script {name!r} can not be put: {why}")


def module_path(source: Source, dotted: str) -> str | None:
    """Return the path of the file of a module of a script, by its name from the top; None if there is none."""
    path = PurePosixPath(*dotted.split("."))
    candidates = (f"{path}/__init__.py", f"{path}.py")
    return next((candidate for candidate in candidates if candidate in source.files), None)
