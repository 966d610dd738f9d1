"""Reading of scripts: what a path, a module or a function stands for, and which part of it is kept."""

from __future__ import annotations

import ast
import keyword
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from omega_backends.files.writing_inside import is_plain_name
from omega_backends.scripts import source as package_source
from omega_backends.scripts.lines import lines_of
from omega_backends.scripts.loading import source_of
from omega_backends.scripts.requirements import checked, declared
from omega_backends.scripts.source import Source, refusal

MOST_FILES: Final = 2_000

_LEFT_OUT: Final = frozenset({"__pycache__"})
_BYTECODE: Final = frozenset({".pyc", ".pyo"})
_COMPILED: Final = frozenset({".so", ".pyd"})
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def read_source(obj: Any, title: str, requirements: Sequence[str] | None = None) -> Source:
    """Return the code of a package or module, given by its path, itself, or a function of it; nothing of it is run.

    Args:
        obj: the path, module or function.
        title: what it is called in messages, such as ``script 'clean'``.
        requirements: what must be installed to run it; by default what is declared beside the code.

    Raises:
        UnsupportedObjectError: its code can not be found or read, has no function to call, or is too large.
    """
    found = _read(obj, title)
    _check_code(found, title)
    _check_entry(found, title)
    return found if requirements is None else replace(found, requirements=tuple(checked(requirements, title)))


def _read(obj: Any, title: str) -> Source:
    if isinstance(obj, FunctionType):
        return _of_function(obj, title)
    return _of_module(obj, title) if isinstance(obj, ModuleType) else _of_path(Path(obj), title)


def _of_path(path: Path, title: str) -> Source:
    path = path.absolute()
    path = path.parent if path.name == "__init__.py" else path
    if path.is_dir():
        files = dict(_folder(path, title))
        if f"{path.name}/__init__.py" not in files:
            raise refusal(title, f"{path} has no __init__.py, so it is no package")
        return Source(top=_top(path.name, title), files=files, requirements=declared(path, title))
    if path.suffix != ".py" or not path.is_file():
        what = "neither a package nor a module" if path.exists() else "not there"
        raise refusal(title, f"{path} is {what}: give the path of a folder with __init__.py, or of a .py file")
    content = _content(path, title, left=package_source.LIMIT)
    top = _top(path.stem, title)
    return Source(top=top, files={path.name: content}, requirements=declared(path, title))


def _folder(folder: Path, title: str) -> Iterator[tuple[str, bytes]]:
    left = package_source.LIMIT
    for i, path in enumerate(_walk(folder, title)):
        if i == MOST_FILES:
            raise refusal(title, f"it has more than {MOST_FILES} files: keep data as datasets, not beside code")
        content = _content(path, title, left=left)
        left -= len(content)
        yield f"{folder.name}/{path.relative_to(folder).as_posix()}", content


def _walk(folder: Path, title: str) -> Iterator[Path]:
    """Yield the files that travel, in order; what is hidden, such as ``.git`` and ``.env``, does not."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _LEFT_OUT or path.suffix in _BYTECODE:
            continue
        if path.is_symlink():
            raise refusal(title, f"{path} is a symbolic link; put what it points to in its place")
        if path.is_dir():
            yield from _walk(path, title)
        elif not path.is_file() or not (path.name.isprintable() and is_plain_name(path.name)):
            raise refusal(title, f"{str(path)!r} is no file that can be packed; take it out of the package")
        elif path.suffix in _COMPILED:
            raise refusal(title, f"{path} is compiled for this machine; name what it belongs to in requirements=")
        else:
            yield path


def _content(path: Path, title: str, *, left: int) -> bytes:
    """Return the content of a file; one that is too large is not read at all."""
    if path.stat().st_size > left:
        limit = package_source.LIMIT >> 20
        raise refusal(title, f"with {path} it has more than {limit} MB: keep data as datasets, not beside code")
    return path.read_bytes()


def _of_module(module: ModuleType, title: str) -> Source:
    """Return the whole package that a module belongs to, or a module that stands alone."""
    kept = source_of(module)
    top, *inner = module.__name__.split(".")
    if kept is not None:
        return replace(kept, within=".".join(inner), entry=package_source.RUN)
    file = Path(getattr(module, "__file__", None) or "")
    if top == "__main__" or file.suffix != ".py" or not file.is_file():
        raise refusal(title, f"the module {module.__name__} has no file of Python code; give the path of its code")
    path = file.parent if file.name == "__init__.py" else file
    if not inner or list(path.with_suffix("").parts[-len(inner) :]) != inner:
        return _of_path(path, title)
    return replace(_of_path(path.parents[len(inner) - 1], title), within=".".join(inner))


def _of_function(function: FunctionType, title: str) -> Source:
    """Return the module that a function is in; of one that is typed in, such as in a notebook, its own lines."""
    if not function.__qualname__.isidentifier():
        raise refusal(title, f"{function.__qualname__} is no function at the top of a module")
    module = sys.modules.get(function.__module__)
    if module is not None and module.__name__ != "__main__" and getattr(module, "__file__", None):
        return replace(_of_module(module, title), entry=function.__name__)
    return Source(top="script", files={"script.py": lines_of(function, title)}, entry=function.__name__)


def _check_code(source: Source, title: str) -> None:
    for path, content in source.files.items():
        if path.endswith(".py"):
            try:
                ast.parse(content, filename=path)
            except (SyntaxError, ValueError, RecursionError) as error:
                raise refusal(title, f"{path} is not Python: {error}") from error


def _check_entry(source: Source, title: str) -> None:
    path = source.entry_file
    bound = set(_bound(ast.parse(source.files[path]))) if path else set()
    if f"async {source.entry}" in bound:
        raise refusal(title, f"{source.entry} in {path} is async: let it call asyncio.run() itself")
    if not bound & {source.entry, "*"}:
        raise refusal(title, f"{path} has no function {source.entry}(om, …), which is what is called")


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that code at the top of a module defines, assigns or imports; ``*`` may be any name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.AsyncFunctionDef):
            yield f"async {child.name}"
        elif isinstance(child, ast.alias):
            yield child.asname or child.name.partition(".")[0]
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        if not isinstance(child, _SCOPES):
            yield from _bound(child)


def _top(stem: str, title: str) -> str:
    if not stem.isidentifier() or keyword.iskeyword(stem):
        raise refusal(title, f"{stem!r} can not be the name of a package or module: rename it")
    return stem
