"""Rooms stay small: files of a folder, lines of a module, code of a function. Types say what things are."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES, LINES, CODE = 20, 400, 40
PORTS = "packages/omega-domain/src/omega_domain/ports/"

#: Folders, modules and functions that are larger, with what they may have; each goes once it has been divided.
LARGE_FOLDERS: dict[str, int] = {}
LARGE_MODULES: dict[str, int] = {}
LARGE_FUNCTIONS = {
    "packages/omega-celery/src/omega_celery/worker.py: run_worker": 42,
    "packages/omega-cli/src/omega_cli/promotion.py: promote": 46,
}
#: How many functions may return Any, contracts of testing aside. The bar is 60.
RETURNS_OF_ANY = 166
#: Parameters and returns of ports that are Any where a type could stand. The bar is 0.
ANY_IN_PORTS = 17

Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Tokens that are no code.
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def test_no_folder_has_more_than_20_files() -> None:
    folders = Counter(_name(path.parent) for path in _python("packages/*/src", "benchmarks", "tests"))
    assert _larger(folders, FILES, LARGE_FOLDERS) == {}


def test_no_module_has_more_than_400_lines() -> None:
    modules = {_name(path): path.read_text(encoding="utf-8").count("\n") for path in _python("packages/*/src")}
    assert _larger(modules, LINES, LARGE_MODULES) == {}


def test_no_function_has_more_than_40_lines_of_code() -> None:
    functions: dict[str, int] = {}
    for path in _python("packages/*/src"):
        for name, lines in code_lines(path.read_text(encoding="utf-8")):
            key = f"{_name(path)}: {name}"
            functions[key] = max(lines, functions.get(key, 0))
    assert _larger(functions, CODE, LARGE_FUNCTIONS) == {}


def test_few_functions_return_any() -> None:
    found = [
        f"{_name(path)}:{function.lineno} {function.name}"
        for path in _python("packages/*/src")
        if "testing" not in path.parts
        for function in _functions(path.read_text(encoding="utf-8"))
        if _is_any(function.returns)
    ]
    assert len(found) <= RETURNS_OF_ANY, found


def test_ports_say_of_what_type_everything_is() -> None:
    found = [
        f"{_name(path)}:{function.lineno} {function.name}: {what}"
        for path in _python(PORTS)
        for function in _functions(path.read_text(encoding="utf-8"))
        for what in _any_in(function)
    ]
    assert len(found) <= ANY_IN_PORTS, found


def test_docstrings_comments_and_blank_lines_are_no_code() -> None:
    source = '''
class A:
    def method(self):
        """First line.

        Others.
        """
        # why
        text = """two
        lines"""

        return [
            text,
        ]  # behind code

    @property
    def other(self): ...
'''
    assert list(code_lines(source)) == [("method", 6), ("other", 1)]


def test_what_is_larger_is_named_with_its_size() -> None:
    assert _larger({"a": 21, "b": 20, "c": 23, "d": 24}, 20, {"c": 23, "d": 23}) == {"a": 21, "d": 24}


def test_a_bare_any_is_seen_in_parameters_and_returns() -> None:
    [function] = _functions("def f(a: Any, b: list[Any], *c: Any, d: typing.Any = 1, **e: int) -> Any: ...")
    assert list(_any_in(function)) == ["a", "c", "d", "return"]


def code_lines(source: str) -> Iterator[tuple[str, int]]:
    """Yield the name of every function and its lines of code: without docstrings, comments and blank lines."""
    lines = _lines_of_code(source)
    for function in _functions(source):
        yield function.name, len(lines.intersection(_span(function)))


def _lines_of_code(source: str) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {line for token in tokens if token.type not in NO_CODE for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
            lines.difference_update(_span(node.body[0]))
    return lines


def _span(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))


def _any_in(function: Function) -> Iterator[str]:
    given = function.args
    rest = [each for each in (given.vararg, given.kwarg) if each]
    for argument in (*given.posonlyargs, *given.args, *rest, *given.kwonlyargs):
        if _is_any(argument.annotation):
            yield argument.arg
    if _is_any(function.returns):
        yield "return"


def _is_any(annotation: ast.expr | None) -> bool:
    return annotation is not None and ast.unparse(annotation) in {"Any", "typing.Any"}


def _larger(found: dict[str, int], limit: int, allowed: dict[str, int]) -> dict[str, int]:
    """Return what is larger than the limit, or than it is allowed to be by name."""
    return {name: size for name, size in found.items() if size > allowed.get(name, limit)}


def _python(*folders: str) -> list[Path]:
    return sorted(path for pattern in folders for folder in ROOT.glob(pattern) for path in folder.rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
