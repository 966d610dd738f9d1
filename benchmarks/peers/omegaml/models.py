"""Models: put and get of forests on MongoDB against omegaml on the same server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Row, median_pair
from benchmarks.models import forest
from benchmarks.shared import server, shared_context


def run(folder: Path) -> Iterator[Row]:
    """Measure both in turn."""
    forests = {"100 trees": forest(rows=3_600, trees=100), "50 large trees": forest()}
    with server(folder) as running, shared_context(running) as om:
        url = running.url_of("omegaml")
        os.environ["OMEGA_MONGO_URL"] = url
        import omegaml  # noqa: PLC0415 -- it reads its settings when it is imported

        peer = omegaml.setup(mongo_url=url)
        for what, model in forests.items():

            def put(model: object = model) -> None:
                om.models.put(model, "forest")

            def put_there(model: object = model) -> None:
                peer.models.put(model, "forest")

            times = median_pair(put, put_there, times=5)
            stored = om.models.resolve("forest").size / 1e6
            yield _row(f"MongoDB: put a forest of {what} ({stored:.0f} MB stored)", times)
            times = median_pair(lambda: om.models.get("forest"), lambda: peer.models.get("forest"), times=9)
            yield _row(f"MongoDB: get a forest of {what}", times)


def _row(what: str, times: tuple[float, float]) -> Row:
    return Row(what=what, measured=times[0] * 1000, floor=times[1] * 1000, bar=1.0, unit="ms")
