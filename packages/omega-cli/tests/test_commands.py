"""Parity: every command of the registry is on the command line, and every command line is one of the registry."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Final, get_args, get_origin

import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from sklearn.linear_model import LinearRegression
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
#: Fields of requests that no option of the command line sets, and why.
NOT_SET: Final[Mapping[tuple[str, str], str]] = {
    ("objects.put", "content"): "it is what the file holds, which the command line opens",
    **{(name, "bucket"): "it is the global option --bucket" for name in ("upkeep.du", "logs.read", "logs.follow")},
    **{(f"tasks.{verb}", "local"): "it is the global option --local" for verb in ("model", "script", "explain")},
    **{("tasks.script", field): "values with and without a name hold them" for field in ("args", "kwargs")},
    **{(f"contexts.{verb}", "of"): "--project and --user say it" for verb in ("use", "add", "remove")},
    ("contexts.remove", "dry_run"): "it is asked about before, unless --yes is given",
    ("keys.trust", "text"): "it is what the file holds, which the command line opens",
}
#: Options that are no field of a request, and why.
NO_FIELD: Final[Mapping[tuple[str, str], str]] = {
    ("promote", "dry_run"): "it chooses promotion.plan",
    ("import", "only_list"): "it chooses archives.describe",
    ("log", "follow"): "it chooses logs.follow",
    ("script", "action"): "there is one only",
    ("script", "values"): "they are the fields args and kwargs",
    **{(verb, whose): "it is the field of" for verb in ("use", "add", "remove") for whose in ("project", "user")},
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
    "promotion.receive": "receive .",
    "objects.compact": "datasets compact grown",
    "objects.versions": "datasets versions grown",
    "promotion.rollback": "rollback datasets twice --in prod",
    "archives.export": "export datasets/flights --path x.omega",
    "archives.describe": "import x.omega --list",
    "archives.import": "import x.omega --to-bucket live",
    "archives.backup": "backup kept",
    "archives.restore": "restore kept",
    "objects.drop": "datasets drop flights",
    "objects.buckets": "buckets",
    "tasks.model": "runtime model m fit grown[x] grown[x]",
    "tasks.script": "runtime script echo run 1 b=2",
    "tasks.explain": "runtime explain model m fit",
    "tasks.result": "runtime result {task}",
    "tasks.status": "runtime status",
    "tasks.show": "runtime status {task}",
    "tasks.cancel": "runtime cancel {task}",
    "workers.labels": "runtime labels",
    "workers.list": "runtime workers",
    "workers.queues": "runtime queues",
    "workers.ping": "runtime ping",
    "logs.read": "runtime log",
    "logs.follow": "runtime log --follow --task {task}",
    "keys.list": "keys list",
    "keys.show": "keys show",
    "keys.export": "keys export --path own.pub",
    "keys.trust": "keys trust own.pub",
    "keys.distrust": "keys distrust {key}",
    "keys.rotate": "keys rotate",
    "contexts.add": "context add dev --home dev",
    "contexts.show": "context show dev",
    "contexts.use": "context use default",
    "contexts.list": "context list",
    "contexts.allow": "context allow project.toml",
    "contexts.remove": "context remove dev --yes",
    "settings.show": "config show",
    "doctor.examine": "doctor",
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
    assert sorted({*LINES} - {*RUNNING}) == sorted(ALONE)


@pytest.mark.parametrize("name", REGISTRY)
def test_a_command_says_what_it_is_for(name: str) -> None:
    command = REGISTRY[name]
    assert re.fullmatch(r"[A-Z].{10,110}\.", command.summary)
    assert is_dataclass(command.request_type)
    assert vars(command.request_type)["__dataclass_params__"].frozen
    assert {each.name for each in fields(command.request_type)} <= docs_of(command.request_type).keys()


@pytest.mark.parametrize("name", REGISTRY)
def test_a_command_has_a_result_type(name: str) -> None:
    for row in rows_of(REGISTRY[name].result_type):
        assert is_dataclass(row) or row is str or get_origin(row) is Mapping
        assert not is_dataclass(row) or vars(row)["__dataclass_params__"].frozen


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
    assert REGISTRY.keys() == EXAMPLES.keys(), "each has an example"
    Path("project.toml").write_text('bucket = "b"\n')
    Path("flights.csv").write_text("carrier,delay\nUA,5\nAA,\n")
    for number in range(2):
        omega.datasets.put(pd.DataFrame({"x": [number]}), "grown", append=True)
        omega.datasets.put([number], "twice")
        omega.datasets.promote("twice", omega["prod"].datasets)
    Path("echo.py").write_text("def run(om, *args, **kwargs):\n    print('called')\n    return [args, kwargs]\n")
    omega.scripts.put("echo.py", "echo")
    omega.models.put(LinearRegression(), "m")
    known = {
        "key": om("keys", "show", "--json").json["id"],
        "task": om("runtime", "script", "echo", "run", "--async", "--logging", "--json").json["id"],
    }
    for name, words in EXAMPLES.items():
        done = om(*words.format_map(known).split(), "--json")
        assert done.code == 0, (name, done)
        result = REGISTRY[name].result_type
        is_stream = get_origin(result) is Iterator
        found = [json.loads(line) for line in done.out.splitlines()] if is_stream else done.json
        errors = Draft202012Validator(schema_of_result(result)).iter_errors(found)
        assert [error.message for error in errors] == [], name


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
    assert {name for name, calls in made.items() if calls} == set()


def rows_of(result: Any) -> tuple[Any, ...]:
    """Return the types that a result has, or its rows have."""
    if isinstance(result, UnionType):
        return get_args(result)
    return get_args(result)[:1] if get_origin(result) in {tuple, Iterator} else (result,)


def hasattr_or_field(command: Command[Any, Any, Any], name: str) -> bool:
    return hasattr(command.request_type, name) or name in {each.name for each in fields(command.request_type)}
