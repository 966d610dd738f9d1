"""Functions that were typed in, as in a notebook: their own lines, and what they use from around them."""

from __future__ import annotations

import ast
import inspect
import math
import symtable
import sys
import textwrap
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any, Final

from omega_backends.scripts.source import refusal

_CONSTANTS: Final = (bool, int, float, complex, str, bytes, type(None), tuple, list, dict, set, frozenset)
_LONGEST_CONSTANT: Final = 10_000
_ANNOTATIONS: Final = "from __future__ import annotations\n"


def lines_of(function: FunctionType, title: str) -> bytes:
    """Return a module with a function, and with all that it uses from around it.

    These are imported modules, what comes from such, constants, and functions and classes that were typed in as well.

    Args:
        function: the function.
        title: what it is called in messages, such as ``script 'clean'``.

    Raises:
        UnsupportedObjectError: its lines are not known, or it uses something else.
    """
    module = _Module(function, title)
    module.add_lines(function)
    return module.text().encode()


class _Module:
    """A module that is put together."""

    def __init__(self, function: FunctionType, title: str) -> None:
        function = inspect.unwrap(function)
        self._around = function.__globals__
        self._title = title
        self._seen: set[str] = set()
        self._first: list[str] = []
        self._then: list[str] = []
        has_future = function.__code__.co_flags & annotations.compiler_flag
        self._head = _ANNOTATIONS if has_future else ""

    def text(self) -> str:
        return self._head + "".join(self._first) + "".join(self._then)

    def add_lines(self, obj: FunctionType | type) -> None:
        """Add a function or class behind what it uses."""
        self._seen.add(obj.__name__)
        lines = self._lines(obj)
        for word in sorted(set(_free(self._head + lines))):
            if word in self._around and word not in self._seen:
                self._seen.add(word)
                self._add(word, self._around[word], obj.__name__)
        self._then.append(f"\n\n{lines}")

    def _lines(self, obj: FunctionType | type) -> str:
        try:
            lines = textwrap.dedent(inspect.getsource(obj))
            ast.parse(lines)
        except (OSError, TypeError, SyntaxError) as error:
            why = f"the code of {obj.__name__} can not be found: {error}; put the path of a file that has it"
            raise refusal(self._title, why) from error
        return lines

    def _add(self, word: str, value: Any, user: str) -> None:
        if isinstance(value, ModuleType) and _is_importable(value.__name__):
            self._first.append(f"import {value.__name__} as {word}\n")
        elif _is_constant(value):
            self._first.append(f"{word} = {value!r}\n")
        elif (home := _home(value)) is not None:
            self._first.append(f"from {home} import {value.__name__} as {word}\n")
        elif isinstance(value, FunctionType | type) and self._is_typed_in(value, word):
            self.add_lines(value)
        else:
            kind = type(value).__name__
            why = f"{user} uses {word} from around it, a {kind}, which can not travel with it"
            raise refusal(self._title, f"{why}: give it as an argument, or make it inside of the function")

    def _is_typed_in(self, value: FunctionType | type, word: str) -> bool:
        return value.__module__ == self._around.get("__name__") and value.__qualname__ == word


def _free(code: str) -> Iterator[str]:
    """Yield the names that code takes from around it."""
    table = symtable.symtable(code, "<script>", "exec")
    yield from (each.get_name() for each in table.get_symbols() if each.is_referenced() and not each.is_assigned())
    waiting = table.get_children()
    while waiting:
        inner = waiting.pop()
        yield from (each.get_name() for each in inner.get_symbols() if each.is_global())
        waiting += inner.get_children()


def _is_constant(value: Any) -> bool:
    """Whether this is a value that is read again from its text."""
    if type(value) not in _CONSTANTS or (isinstance(value, float) and not math.isfinite(value)):
        return False
    text = repr(value)
    try:
        return len(text) <= _LONGEST_CONSTANT and bool(ast.literal_eval(text) == value)
    except (ValueError, SyntaxError):
        return False


def _home(value: Any) -> str | None:
    """Return the module that a function or class can be imported from; None if there is none."""
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str) or not _is_importable(module):
        return None
    return module if getattr(sys.modules.get(module), name, None) is value else None


def _is_importable(module: str) -> bool:
    """Whether an import statement finds this module elsewhere, too: not a notebook, nor a module of a script."""
    return module != "__main__" and module.replace(".", "").isidentifier()
