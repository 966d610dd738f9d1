"""The pytest fixture ``om``: a fresh in-memory Omega for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from omega_domain.omega import Omega


@pytest.fixture
def om() -> Omega:
    """A fresh Omega on in-memory adapters, with the runtime of this process."""
    import omega_ml

    return omega_ml.setup(store="memory://")
