"""``om worker`` that counts what each task calls, and writes it to files of the folder in ``BENCH_TRIPS``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from celery.signals import task_postrun, task_prerun

from benchmarks.trips.counting import Trip

VARIABLE = "BENCH_TRIPS"


def main() -> None:
    """Run the worker; its processes are forked from this one, so that they count, too."""
    trip = Trip()

    def begin(**_: object) -> None:
        trip.__init__()  # type: ignore[misc] # the same trip anew
        sys.setprofile(trip.see)

    def end(task_id: str, **_: object) -> None:
        sys.setprofile(None)
        path = Path(os.environ[VARIABLE], f"{task_id}.json")
        path.with_suffix(".part").write_text(json.dumps(trip.to_plain()), encoding="utf-8")
        path.with_suffix(".part").rename(path)

    task_prerun.connect(begin, weak=False)
    task_postrun.connect(end, weak=False)
    from omega_cli.main import run  # noqa: PLC0415 -- the signals are connected before

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
