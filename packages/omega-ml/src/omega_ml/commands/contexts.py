"""Commands on the contexts that files describe, and on which of them is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from omega_domain.commands.registry import Command, command
from omega_ml.commands.settings import SettingFacts, facts_of
from omega_ml.commands.workplace import Workplace
from omega_ml.contexts import Chosen, ContextFacts, Whose


@dataclass(frozen=True, kw_only=True)
class ListContexts:
    """All contexts are asked for; there is nothing else to say."""


@command("contexts.list", right="context:read")
def list_contexts(workplace: Workplace, _: ListContexts) -> tuple[ContextFacts, ...]:
    """List the contexts, and which one is used."""
    return tuple(workplace.contexts.list(workplace.given))


@dataclass(frozen=True, kw_only=True)
class ShowContext:
    """Of which context the settings are asked for.

    Attributes:
        name: its name; by default the one that is used.
    """

    name: str | None = None


@command("contexts.show", right="context:read")
def show(workplace: Workplace, request: ShowContext) -> tuple[SettingFacts, ...]:
    """Show every setting of a context, and what set it."""
    return facts_of(workplace.settings if request.name is None else workplace.contexts.settings(request.name))


@dataclass(frozen=True, kw_only=True)
class InFile:
    """A context, and whose file is to be changed.

    Attributes:
        name: name of the context.
        of: ``project`` or ``user``; by default the file that it follows from.
    """

    name: str
    of: Whose | None = None


@dataclass(frozen=True, kw_only=True)
class UseContext(InFile):
    """Which context is used from now on."""


@command("contexts.use", right="context:admin", changes=True)
def use(workplace: Workplace, request: UseContext) -> Chosen:
    """Use a context from now on, where no other is asked for."""
    return workplace.contexts.use(request.name, of=request.of)


@dataclass(frozen=True, kw_only=True)
class AddContext(InFile):
    """What a context is to be.

    Attributes:
        of: ``project`` or ``user``; by default the user's file.
        store: where its data is: ``mongodb://host/database``, ``file:///path``.
        home: folder of its embedded store.
        broker_url: where messages of its tasks go: ``amqp://host``, ``redis://host``.
        bucket: bucket to work in there.
        protected: ask before a command changes it.
    """

    store: str | None = field(default=None, repr=False)  # a URL may have a password in it
    home: str | None = None
    broker_url: str | None = field(default=None, repr=False)
    bucket: str | None = None
    protected: bool = False


@dataclass(frozen=True, kw_only=True)
class DescribedContext:
    """A context, and the file that describes it or did so.

    Attributes:
        name: name of the context.
        file: the file.
    """

    name: str
    file: Path


@command("contexts.add", right="context:admin", changes=True)
def add(workplace: Workplace, request: AddContext) -> DescribedContext:
    """Describe a context in a file; nothing is connected."""
    given = {name: getattr(request, name) for name in ("store", "home", "broker_url", "bucket", "protected")}
    table = {name: value for name, value in given.items() if value not in {None, False}}
    file = workplace.contexts.add(request.name, table, to=request.of or "user")
    return DescribedContext(name=request.name, file=file)


@dataclass(frozen=True, kw_only=True)
class RemoveContext(InFile):
    """Which description of a context is removed.

    Attributes:
        dry_run: only say which file it would be taken out of.
    """

    dry_run: bool = False


@command("contexts.remove", right="context:admin", changes=True)
def remove(workplace: Workplace, request: RemoveContext) -> DescribedContext:
    """Take the description of a context out of a file; its data stays where it is."""
    contexts = workplace.contexts
    take = contexts.removable if request.dry_run else contexts.remove
    return DescribedContext(name=request.name, file=take(request.name, of=request.of))


@dataclass(frozen=True, kw_only=True)
class AllowFile:
    """Which project's file may say everything.

    Attributes:
        file: its path; by default the nearest omega.toml.
    """

    file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class AllowedFile:
    """A project's file that was allowed.

    Attributes:
        file: its path.
        settings: names of what it sets, those of a context behind its name.
    """

    file: Path
    settings: tuple[str, ...]


@command("contexts.allow", right="context:admin", changes=True)
def allow(workplace: Workplace, request: AllowFile) -> AllowedFile:
    """Let the omega.toml of a project say everything, until it is changed."""
    found = workplace.contexts.allow(request.file)
    inner = [f"contexts.{name}.{key}" for name, table in found.contexts.items() for key in table]
    return AllowedFile(file=found.path, settings=(*found.settings, *inner))


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (list_contexts, show, use, add, remove, allow)
