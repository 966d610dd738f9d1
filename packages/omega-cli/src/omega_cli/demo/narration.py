"""Telling the story: each step's reason, its code, its result, and what it took."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text

from omega_cli.demo.story import STEPS, Step
from omega_cli.output import size
from omega_domain.commands.words import printable
from omega_domain.omega import Omega
from omega_domain.repository.metadata import Metadata
from omega_domain.upkeep.checking import UsageReport

WIDTH = 80
MAX_ROWS = 8
INTRODUCTION = "omega-ml keeps data and models by name, and trains and uses them by name."
COMMANDS = (
    "om --bucket dev datasets list",
    "om --bucket dev datasets get 'flights[carrier,dest]' --where dest=SFO",
    "om --bucket dev models versions delay",
    "om --bucket dev runtime model delay score '*' '*'",
    "om --bucket prod shell",
)


def tell(om: Omega, console: Console) -> dict[str, float]:
    """Take every step of the story, and show it; return the seconds that each took."""
    console.print(Text(INTRODUCTION, style="bold"))
    _show_code(console, f'import omega_ml\nom = omega_ml.setup(bucket="{om.bucket}")')
    for fact in (f"context  {om.context.name}", f"store    {om.context.store.url}", f"bucket   {om.bucket}"):
        console.print(Text(f"  {fact}"), soft_wrap=True)
    seconds = {}
    for number, step in enumerate(STEPS, start=1):
        _show_before(console, number, step)
        start = perf_counter()
        result = step.take(om)
        seconds[step.title] = perf_counter() - start
        _show_after(console, result, seconds[step.title])
    return seconds


def tell_end(om: Omega, console: Console, seconds: float) -> None:
    """Say what is left to play with."""
    console.print()
    console.print(Rule(Text(f"Done in {seconds:.1f} s. It is all yours now:", style="bold"), align="left"))
    home = om.context.store.url.removeprefix("file://")
    for line in (*_path_to_command(), f"export OMEGA_HOME={shlex.quote(home)}", *COMMANDS):
        console.print(Text(f"  {line}"), soft_wrap=True)


def _path_to_command() -> list[str]:
    """How a shell finds the command, if it does not yet: it may be in an environment that is not activated."""
    folder = Path(sys.executable).parent
    return [] if shutil.which("om") else [f'export PATH={shlex.quote(str(folder))}:"$PATH"']


def code_of(function: Callable[..., Any]) -> str:
    """Return the source of a function's body without its docstring, as a reader would type it."""
    source = textwrap.dedent(inspect.getsource(function))
    [definition] = ast.parse(source).body
    _, first, *_ = body = definition.body if isinstance(definition, ast.FunctionDef) else []
    lines = source.splitlines()[first.lineno - 1 : body[-1].end_lineno]
    return re.sub(r"^return ", "", textwrap.dedent("\n".join(lines)), flags=re.MULTILINE)


def _show_before(console: Console, number: int, step: Step) -> None:
    console.print()
    console.print(Rule(Text(f"{number} of {len(STEPS)}  {step.title}", style="bold"), align="left"))
    console.print(Text(textwrap.fill(" ".join((inspect.getdoc(step.take) or "").split()), WIDTH)))
    _show_code(console, code_of(step.take))


def _show_after(console: Console, result: Any, seconds: float) -> None:
    console.print(Text(textwrap.indent(printable(_readable(result)), "  ")), soft_wrap=True)
    console.print(Text(f"{f'{seconds:.2f} s':>{WIDTH}}", style="dim"), soft_wrap=True)


def _show_code(console: Console, code: str) -> None:
    """Show code indented, without the blanks that a block of rich has at the end of its lines."""
    lines = Syntax("", "python", theme="ansi_dark", background_color="default").highlight(code).split("\n")
    console.print()
    for line in lines:
        console.print(Text("    ").append_text(line) if line.plain else "", soft_wrap=True)
    console.print()


def _readable(result: Any) -> str:
    if isinstance(result, Metadata):
        return _describe(result)
    if isinstance(result, list):
        return "\n".join(_readable(item) for item in result)
    if isinstance(result, Mapping):
        return "\n".join(f"{name:<16} {value:.3f}" for name, value in result.items())
    if isinstance(result, UsageReport):
        return _describe_usage(result)
    rows, columns = result.shape
    return f"{result.to_string(max_rows=MAX_ROWS, line_width=WIDTH - 4)}\n\n{rows:,} rows, {columns} columns"


def _describe(meta: Metadata) -> str:
    tags = f"  @{', @'.join(meta.tags)}" if meta.tags else ""
    return f"{meta.bucket:<6}{meta.name:<14}version {meta.version:<4}{meta.kind:<16}{size(meta.size):>9}{tags}"


def _describe_usage(report: UsageReport) -> str:
    lines = [f"{usage.bucket:<6}{usage.prefix:<9}{usage.name:<14}{size(usage.total):>9}" for usage in report.objects]
    return "\n".join([*lines, "", f"stored: {size(report.stored)}, needed: {size(report.live)}"])
