"""The session of one call of ``om``: what its global options say, and the Omega they open."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

import typer

if TYPE_CHECKING:
    from omega_domain.commands.registry import Command
    from omega_domain.commands.requests import StoreName
    from omega_domain.omega import Omega
    from omega_ml.commands.workplace import Workplace

Subject = TypeVar("Subject")
Request = TypeVar("Request")
Result = TypeVar("Result")

_NAMES: Final[tuple[StoreName, ...]] = ("datasets", "models", "jobs", "scripts")
#: What may be written for a store: its name, or one of what it keeps.
STORES: Final[Mapping[str, StoreName]] = {
    written: name for name in _NAMES for written in (name, name.removesuffix("s"))
}

_FLAGS = {"--json": "as_json", "--local": "local", "--debug": "debug", "--yes": "yes"}
_VALUES = {"--context": "context", "--bucket": "bucket", "--home": "home"}


@dataclass(slots=True)
class Session:
    """Global options, and what they open on first use."""

    context: str | None = None
    bucket: str | None = None
    home: str | None = None
    as_json: bool = False
    local: bool = False
    debug: bool = False
    yes: bool = False
    _agreed: set[str] = field(default_factory=set, init=False, repr=False)
    _omega: list[Omega] = field(default_factory=list, init=False, repr=False)

    @classmethod
    def of(cls, ctx: typer.Context) -> Session:
        """Return the session that a command runs in."""
        session: Session = ctx.find_root().obj
        return session

    @property
    def workplace(self) -> Workplace:
        """The settings, contexts and keys that hold for this call."""
        from omega_ml.commands.workplace import Workplace

        return Workplace(given={"context": self.context, "bucket": self.bucket, "home": self.home})

    @property
    def omega(self) -> Omega:
        """The context and bucket that this call is about."""
        from omega_ml.composition import open_omega

        if not self._omega:
            self._omega.append(open_omega(self.workplace.settings))
        return self._omega[0]

    def run(self, command: Command[Subject, Request, Result], request: Request, *, shown: str = "") -> Result:
        """Run a command on what it is about; before it changes a protected context, ask.

        Args:
            command: the command.
            request: what is asked of it.
            shown: what a terminal shows while it runs; nothing by default.

        Raises:
            ProtectedContextError: nobody agreed.
        """
        from omega_domain.omega import Omega

        subject: Any = self.omega if issubclass(command.subject_type, Omega) else self.workplace
        if isinstance(subject, Omega) and command.is_change(request):
            self.changing(command.target(subject, request))
        with working(shown):
            return command(subject, request)

    def changing(self, omega: Omega | None = None) -> None:
        """Ask before a protected context is changed: this one, or that of another Omega. Others are not asked about.

        Raises:
            ProtectedContextError: nobody agreed: not by the name of the context on the terminal, nor by ``--yes``.
        """
        from omega_domain.errors import ProtectedContextError
        from omega_ml.contexts import Contexts

        context = (omega or self.omega).context
        name = None if self.yes else Contexts().protecting(context.name, context.store.url)
        if name is None or name in self._agreed:
            return
        if not is_conversation():
            raise ProtectedContextError(f"the context {name!r} is protected, nothing was changed; --yes changes it")
        answer = ask(f"The context {name!r} is protected. Type its name to change it: ")
        if answer != name:
            raise ProtectedContextError(f"the answer was not {name!r}, the protected context; nothing was changed")
        self._agreed.add(name)

    def take(self, args: list[str]) -> list[str]:
        """Take the global options out of all arguments, wherever they stand; return the others.

        A ``--context`` behind ``promote`` is where to, one before it is where from.
        """
        rest: list[str] = []
        waiting = iter(args)
        for arg in waiting:
            name, equals, value = arg.partition("=")
            if arg == "--":
                return [*rest, arg, *waiting]
            if arg in _FLAGS:
                setattr(self, _FLAGS[arg], True)
            elif name in _VALUES and (equals or (value := next(waiting, ""))):
                if name == "--context" and _is_promotion(rest):
                    rest += ["--to-context", value]
                else:
                    setattr(self, _VALUES[name], value)
            else:
                rest.append(arg)
        return rest


def _is_promotion(words: list[str]) -> bool:
    return words[:1] == ["promote"] or (words[1:2] == ["promote"] and words[0] in STORES)


def is_conversation() -> bool:
    """Tell whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """Return what somebody answers to a question on the terminal."""
    from omega_domain.commands.words import printable

    sys.stderr.write(printable(question))
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def store_name(ctx: typer.Context) -> StoreName:
    """Return the store that a command is about: that of its argument WHAT, or the one its group is named after."""
    named = ctx.params.get("store") or ctx.params.get("what") or (ctx.parent.info_name if ctx.parent else "")
    return STORES[str(named)]


@contextmanager
def working(message: str) -> Iterator[None]:
    """Show that something is going on, on stderr, while it is a terminal; nothing is shown of an empty message."""
    if not message or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    from omega_domain.commands.words import printable

    with Console(stderr=True).status(Text(printable(message))):
        yield


@contextmanager
def reading(path: Path) -> Iterator[IO[bytes] | Path]:
    """Open a file, or stdin for ``-``, and show how much of it was read; a folder is given as it is."""
    if str(path) == "-":
        yield sys.stdin.buffer
    elif path.is_dir():
        yield path
    elif not path.exists():
        raise typer.BadParameter(f"there is no file {path}", param_hint="FILE")
    elif not sys.stderr.isatty():
        with path.open("rb") as file:
            yield file
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import open as open_shown

        from omega_domain.commands.words import printable

        shown = escape(f"reading {printable(path.name)}")
        with open_shown(path, "rb", description=shown, console=Console(stderr=True), transient=True) as file:
            yield file
