"""Help: what the JSON of a command holds, from the type of its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

from typer.core import TyperCommand

from omega_cli.session import Session


class ResultCommand(TyperCommand):
    """A command of the command line that runs commands of the registry.

    Its help says what its JSON holds; with ``--json`` the help is the JSON Schema of the result.

    Attributes:
        runs: names of the commands -> which options it takes to run this one; empty for the first.
    """

    runs: Mapping[str, str]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 -- typer calls it so
        """Write what the JSON of the result holds."""
        from omega_domain.commands.schema import summary_of

        whens: dict[str, str] = {}
        for name, result in self._results.items():
            whens.setdefault(summary_of(result), self.runs[name])
        said = (f"with {when} {summary}" if when else summary for summary, when in whens.items())
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(f"JSON: {'; '.join(said)}.")

    def get_help(self, ctx: Any) -> str:
        """Return the help, or the JSON Schema of the result if ``--json`` was given."""
        from omega_domain.commands.schema import schema_of_result

        if not Session.of(ctx).as_json:
            return super().get_help(ctx)
        return json.dumps(schema_of_result(reduce(or_, self._results.values())), indent=2, ensure_ascii=False)

    @property
    def _results(self) -> dict[str, Any]:
        from omega_ml.commands.registry import commands

        return {name: commands()[name].result_type for name in self.runs}


def running(name: str, **others: str) -> type[ResultCommand]:
    """Return the class of a command of the command line that runs a command of the registry.

    Args:
        name: the command, such as ``promotion.promote``.
        others: what else it runs: ``plan="--dry-run"`` is the command ``promotion.plan``, run with that option.
    """
    room = name.partition(".")[0]
    runs = {name: ""} | {f"{room}.{verb}": when for verb, when in others.items()}
    return type("ResultCommand", (ResultCommand,), {"runs": runs})
