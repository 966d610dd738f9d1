"""Parity: every command of the registry is on the command line, and every command line is one of the registry."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from typer.main import get_command

import omega_cli
from omega_cli import main
from omega_cli.help import ResultCommand
from omega_domain.commands.registry import Command
from omega_domain.commands.schema import docs_of, schema_of_request, schema_of_result
from omega_domain.entities.rights import Right
from omega_domain.omega import STORE_NAMES, Omega
from omega_ml.commands.registry import commands

Run = Callable[..., Any]

#: Commands of the command line that are none of the registry, and why.
ALONE: Final[Mapping[str, str]] = {
    "worker": "it is a process, which takes tasks until it is ended",
    "shell": "it is Python, in which everything can be asked",
    "demo": "it is a story, told in calls of the Python API",
}
#: Those that get their commands next; a command that has one can not stay here.
COMING: Final = frozenset(
    {"buckets", "doctor", "config show"}
    | {f"runtime {verb}" for verb in ("model", "script", "result", "status", "cancel", "log")}
    | {f"runtime {verb}" for verb in ("labels", "workers", "queues", "ping", "explain")}
    | {f"context {verb}" for verb in ("list", "show", "use", "add", "remove")}
    | {f"keys {verb}" for verb in ("list", "show", "export", "trust", "distrust", "rotate")}
)
#: Fields of requests that no option of the command line sets, and why.
NOT_SET: Final[Mapping[tuple[str, str], str]] = {
    ("objects.put", "content"): "it is what the file holds, which the command line opens",
    ("upkeep.du", "bucket"): "it is the global option --bucket",
}
#: Options that are no field of a request, and why.
NO_FIELD: Final[Mapping[tuple[str, str], str]] = {
    ("promote", "dry_run"): "it chooses promotion.plan",
    ("import", "only_list"): "it chooses archives.describe",
}

#: Words of a command line, by the command of the registry that they run, in the order in which they can be run.
EXAMPLES: Final[Mapping[str, str]] = {
    "objects.put": "datasets put flights.csv flights --tag raw",
    "objects.list": "datasets list --long",
    "objects.metadata": "datasets metadata flights",
    "objects.set_attributes": "datasets metadata flights -a year=2013",
    "objects.get": "datasets get flights",
    "objects.save": "datasets get flights copy.csv",
    "objects.tag": "datasets tag flights best",
    "objects.summary": "datasets summary flights",
    "objects.help": "datasets help",
    "promotion.plan": "promote datasets flights --to prod --dry-run --gate signed",
    "promotion.promote": "promote datasets flights --to prod",
    "promotion.history": "history datasets flights --in prod",
    "promotion.approve": "approve datasets flights --as release",
    "promotion.gates": "gates",
    "objects.compact": "datasets compact grown",
    "objects.versions": "datasets versions grown",
    "promotion.rollback": "rollback datasets twice --in prod",
    "archives.export": "export datasets/flights --path x.omega",
    "archives.describe": "import x.omega --list",
    "archives.import": "import x.omega --to-bucket live",
    "archives.backup": "backup kept",
    "archives.restore": "restore kept",
    "objects.drop": "datasets drop flights",
    "upkeep.fsck": "fsck",
    "upkeep.du": "du",
    "upkeep.gc": "gc --grace 0s",
}

REGISTRY = commands()


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Return the commands of the command line by their words."""
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from leaves(one, (*path, name))
        else:
            yield " ".join((*path, name)), one


LINES = dict(leaves(get_command(main.app)))
RUNNING = {words: line for words, line in LINES.items() if isinstance(line, ResultCommand)}


def options(words: str) -> set[str]:
    """Return the fields that a command line sets: its options, and the store that its group is named after."""
    of_group = {"store"} if words.split(maxsplit=1)[0] in STORE_NAMES else set()
    return {str(option.name) for option in RUNNING[words].params} | of_group


def test_every_command_is_on_the_command_line() -> None:
    run = {name for line in RUNNING.values() for name in line.runs}
    assert sorted(run) == sorted(REGISTRY)


def test_every_command_line_is_a_command_or_says_why_not() -> None:
    assert sorted({*LINES} - {*RUNNING}) == sorted({*ALONE, *COMING})


@pytest.mark.parametrize("name", REGISTRY)
def test_a_command_says_what_it_is_for(name: str) -> None:
    command = REGISTRY[name]
    assert re.fullmatch(r"[A-Z].{10,110}\.", command.summary)
    assert is_dataclass(command.request_type)
    assert vars(command.request_type)["__dataclass_params__"].frozen
    assert {each.name for each in fields(command.request_type)} <= docs_of(command.request_type).keys()


@pytest.mark.parametrize("name", REGISTRY)
def test_a_command_has_a_result_type(name: str) -> None:
    result = REGISTRY[name].result_type
    row = get_args(result)[0] if get_origin(result) is tuple else result
    assert is_dataclass(row) or row is str or get_origin(row) is Mapping


@pytest.mark.parametrize("name", REGISTRY)
def test_a_command_needs_a_right(name: str) -> None:
    command = REGISTRY[name]
    known = {"store": "models", "bucket": "prod"}
    named = re.findall(r"{(\w+)}", command.right)
    assert all(part == "bucket" or hasattr_or_field(command, part) for part in named)
    right = Right.made_of(command.right, lambda part: part.format_map({**dict.fromkeys(named, "x"), **known}))
    assert not command.changes or right.verb != "read"


@pytest.mark.parametrize("name", REGISTRY)
def test_a_command_has_schemas(name: str) -> None:
    for schema in (schema_of_request(REGISTRY[name].request_type), schema_of_result(REGISTRY[name].result_type)):
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", REGISTRY)
def test_the_command_line_sets_every_field_of_a_request(name: str) -> None:
    wanted = {each.name for each in fields(REGISTRY[name].request_type)}
    declared = {field for command, field in NOT_SET if command == name}
    for words in (words for words, line in RUNNING.items() if name in line.runs):
        assert wanted - options(words) == declared, words


@pytest.mark.parametrize("words", RUNNING)
def test_every_option_is_a_field_of_a_request(words: str) -> None:
    requests = [REGISTRY[name].request_type for name in RUNNING[words].runs]
    declared = {option for line, option in NO_FIELD if words.rsplit(maxsplit=1)[-1] == line}
    assert options(words) - {each.name for request in requests for each in fields(request)} == declared


def test_every_result_fits_its_schema(om: Run, omega: Omega) -> None:
    rooms = {name.partition(".")[0] for name in EXAMPLES}
    assert {name for name in REGISTRY if name.partition(".")[0] in rooms} == EXAMPLES.keys(), "each has an example"
    Path("flights.csv").write_text("carrier,delay\nUA,5\nAA,\n")
    for number in range(2):
        omega.datasets.put(pd.DataFrame({"x": [number]}), "grown", append=True)
        omega.datasets.put([number], "twice")
        omega.datasets.promote("twice", omega["prod"].datasets)
    for name, words in EXAMPLES.items():
        done = om(*words.split(), "--json")
        assert done.code == 0, (name, done)
        schema = schema_of_result(REGISTRY[name].result_type)
        assert [error.message for error in Draft202012Validator(schema).iter_errors(done.json)] == [], name


@pytest.mark.parametrize("words", RUNNING)
def test_the_help_says_what_the_json_holds(om: Run, words: str) -> None:
    assert "JSON: " in om(*words.split(), "--help").out
    schema = om(*words.split(), "--help", "--json").json
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")


def test_the_command_line_makes_no_json_of_entities() -> None:
    made = {}
    for path in Path(str(omega_cli.__file__)).parent.glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        made[path.name] = [call for call in calls if getattr(call.func, "attr", "") == "to_plain"]
    assert {name for name, calls in made.items() if calls} <= {
        "configuring.py",
        "contexts.py",
    }  # which get commands next


def hasattr_or_field(command: Command[Any, Any], name: str) -> bool:
    return hasattr(command.request_type, name) or name in {each.name for each in fields(command.request_type)}
