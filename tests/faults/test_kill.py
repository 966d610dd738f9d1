"""kill -9 at random points of put, append, promote and gc: every object is in its old or its new state."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.killing import Journal, Victims, kill_again_and_again
from tests.seeds import kills

PARTS = 3
LONGEST = 0.25
SEED = 20261121


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_process_leaves_old_or_new_and_no_litter(part: int, tmp_path: Path) -> None:
    home = tmp_path / "home"

    victims = Victims(url=f"file://{home}", kills=kills(20, soak=200), longest=LONGEST, seed=SEED + part)
    kill_again_and_again(victims, Journal(tmp_path / "journal"))
    assert [path.name for path in (home / "tmp").glob("*")] == []
