"""The actions of a script by its name: what ``om.runtime.script('s')`` returns."""

from __future__ import annotations

from typing import Any, Final

from omega_domain.errors import UnsupportedOptionError
from omega_domain.runtime.submission import Submission
from omega_domain.tasks.results import AsyncResult

#: What :meth:`ScriptProxy.run` can not hand on by name: the runtime gives it to the script itself.
RESERVED: Final = frozenset({"om", "forwarded"})


class ScriptProxy:
    """Submits runs of a script; each returns an :class:`~omega_domain.tasks.results.AsyncResult` at once."""

    def __init__(self, submission: Submission, name: str) -> None:
        self._submission = submission
        self.name = name

    def run(self, /, *args: Any, **kwargs: Any) -> AsyncResult:
        """Call ``run(om, *args, **kwargs)`` of the script on a worker; the values must be such that JSON can carry.

        In a sequence, what the task before returned comes as the first argument if none are given and the function
        takes one, else as ``results`` if it takes that; in a mapreduce it is the list of what all have returned.

        Raises:
            ObjectNotFoundError: there is no such script. NoWorkerError: nobody runs it. CodecError: an argument can not
                travel. UnsupportedOptionError: one is called ``om`` or ``forwarded``. Then nothing was submitted.
        """
        if taken := sorted(RESERVED & kwargs.keys()):
            raise UnsupportedOptionError(
                f"the script {self.name!r} can not be given {', '.join(f'{word}=' for word in taken)}, which it gets "
                "from the runtime: rename the parameter of its function, or give it by place"
            )
        return self._submission.call(self.name, "run", args, kwargs, kind="script")

    def __repr__(self) -> str:
        return f"<ScriptProxy: {self.name}>"
