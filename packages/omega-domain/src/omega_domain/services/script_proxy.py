"""The actions of a script by its name: what ``om.runtime.script('s')`` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omega_domain.services.results import AsyncResult
    from omega_domain.services.runtime import OmegaRuntime


class ScriptProxy:
    """Submits runs of a script; each returns an :class:`~omega_domain.services.results.AsyncResult` at once."""

    def __init__(self, runtime: OmegaRuntime, name: str) -> None:
        self._runtime = runtime
        self.name = name

    def run(self, *args: Any, **kwargs: Any) -> AsyncResult:
        """Call ``run(om, *args, **kwargs)`` of the script on a worker; the values must be such that JSON can carry.

        In a sequence, what the task before returned comes as the first argument if none are given, else as ``results``
        if the function takes that; in a mapreduce it is the list of what all have returned.

        Raises:
            ObjectNotFoundError: there is no such script. NoWorkerError: nobody runs it. CodecError: an argument can not
                travel. Then nothing was submitted.
        """
        return self._runtime.submit(self.name, "run", args, kwargs, kind="script")

    def __repr__(self) -> str:
        return f"<ScriptProxy: {self.name}>"
