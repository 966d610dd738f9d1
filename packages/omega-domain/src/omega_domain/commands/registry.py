"""The registry of commands: what each one is asked, what it returns, whether it changes anything, and its right."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, Generic, Literal, Protocol, TypeVar, get_type_hints, runtime_checkable

from omega_domain.entities.rights import Right
from omega_domain.errors import PluginError
from omega_domain.omega import Omega

Subject = TypeVar("Subject")
Request = TypeVar("Request")
Result = TypeVar("Result")

#: What flows beside the JSON of a request and a result.
Streams = Literal["nothing", "takes bytes", "gives bytes", "gives records"]

#: The modules whose ``COMMANDS`` make the registry of the core.
MODULES: Final = ("objects", "promotion", "tasks", "workers", "logs", "archives", "upkeep")


@runtime_checkable
class SupportsTarget(Protocol):
    """A request that is not about the bucket it is given to, such as a promotion into another bucket."""

    def target(self, om: Omega) -> Omega:
        """Return the bucket and context that the request is about."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Command(Generic[Subject, Request, Result]):
    """Something that people and programs can ask: of a bucket of a context, or of another subject, such as settings.

    Attributes:
        name: room and verb, such as ``objects.list``.
        run: what is done; its annotations name the types of subject, request and result, its docstring says what it is
            for.
        right: the right that it needs, as a template over the request: ``{store}:read@{bucket}/{plain_name}``. The
            bucket is that of :meth:`target`.
        changes: whether it changes anything in the context of :meth:`target`.
        streams: what flows beside the JSON.
    """

    name: str
    run: Callable[[Subject, Request], Result]
    right: str
    changes: bool = False
    streams: Streams = "nothing"

    def __call__(self, subject: Subject, request: Request) -> Result:
        """Do what is asked of a subject, such as a bucket of a context; return the result."""
        return self.run(subject, request)

    @property
    def summary(self) -> str:
        """What the command is for, in one line."""
        return (inspect.getdoc(self.run) or "").partition("\n")[0]

    @property
    def subject_type(self) -> type[Subject]:
        """The class of what is asked: an Omega, unless the command is about what there is before one is opened."""
        name, _ = inspect.signature(self.run).parameters
        found: type[Subject] = get_type_hints(self.run)[name]
        return found

    @property
    def request_type(self) -> type[Request]:
        """The dataclass of requests."""
        _, name = inspect.signature(self.run).parameters
        found: type[Request] = get_type_hints(self.run)[name]
        return found

    @property
    def result_type(self) -> Any:
        """The type of results: a dataclass, or a tuple of rows."""
        return get_type_hints(self.run)["return"]

    def is_change(self, request: Request) -> bool:
        """Tell whether this request changes anything; one with ``dry_run`` or ``only_reads`` set never does."""
        return self.changes and not (getattr(request, "dry_run", False) or getattr(request, "only_reads", False))

    def target(self, om: Omega, request: Request) -> Omega:
        """Return the bucket and context that this request is about; by default the one that it is given to."""
        return request.target(om) if isinstance(request, SupportsTarget) else om

    def right_of(self, om: Omega, request: Request) -> Right:
        """Return the right that this request needs."""
        fields = _Fields(self.target(om, request), request)
        return Right.made_of(self.right, lambda part: part.format_map(fields))


def command(
    name: str, *, right: str, changes: bool = False, streams: Streams = "nothing"
) -> Callable[[Callable[[Subject, Request], Result]], Command[Subject, Request, Result]]:
    """Make a command of a function; the module names it in its ``COMMANDS``."""

    def of(run: Callable[[Subject, Request], Result]) -> Command[Subject, Request, Result]:
        return Command(name=name, run=run, right=right, changes=changes, streams=streams)

    return of


def registry_of(commands: Iterable[Command[Any, Any, Any]]) -> Mapping[str, Command[Any, Any, Any]]:
    """Return commands by name.

    Raises:
        PluginError: two commands have the same name.
    """
    found: dict[str, Command[Any, Any, Any]] = {}
    for each in commands:
        if each.name in found:
            first, second = found[each.name].run, each.run
            raise PluginError(
                f"two functions are the command {each.name!r}: {first.__module__}.{first.__qualname__} and "
                f"{second.__module__}.{second.__qualname__}; rename one"
            )
        found[each.name] = each
    return MappingProxyType(found)


@cache
def core_commands() -> Mapping[str, Command[Any, Any, Any]]:
    """Return the commands of the core, by name."""
    modules = [import_module(f"omega_domain.commands.{name}") for name in MODULES]
    return registry_of(each for module in modules for each in module.COMMANDS)


class _Fields(dict[str, str]):
    """What stands for the names in the template of a right: the bucket, and fields and properties of the request."""

    def __init__(self, om: Omega, request: object) -> None:
        super().__init__(bucket=om.bucket)
        self._request = request

    def __missing__(self, name: str) -> str:
        return str(getattr(self._request, name))
