"""How often a test repeats what it does, and with which randomness: fixed in ``make test``, new in each ``make soak``.

``make soak`` sets these variables; a test never reads them itself:

``OMEGA_TEST_SOAK``
    is set where tests may take long.
``OMEGA_TEST_SEED``
    is a whole number from which the seed of every test follows. What failed is repeated by the same number.
``OMEGA_TEST_KILLS``
    multiplies how many processes are killed.
``OMEGA_TEST_EVERY_FAULT``
    is set where all faults are injected, at every step.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

SOAK: Final = "OMEGA_TEST_SOAK"
SEED: Final = "OMEGA_TEST_SEED"
KILLS: Final = "OMEGA_TEST_KILLS"
EVERY_FAULT: Final = "OMEGA_TEST_EVERY_FAULT"


def times(normal: int, *, soak: int) -> int:
    """Return how often something is done: as in every run of the tests, or as in a soak."""
    return soak if os.environ.get(SOAK) else normal


def kills(normal: int, *, soak: int) -> int:
    """Return how many processes are killed; ``OMEGA_TEST_KILLS`` multiplies it, and one is the least."""
    return max(1, round(times(normal, soak=soak) * float(os.environ.get(KILLS) or 1)))


def every(stride: int) -> int:
    """Return at every how many faults a test tries one: all of them where all are wanted."""
    return 1 if os.environ.get(EVERY_FAULT) else stride


def seed(fixed: int) -> int:
    """Return the seed of a test: its own, or one that follows from it and ``OMEGA_TEST_SEED``; print it.

    Args:
        fixed: a constant that no other test uses, so that not all are random in the same way.
    """
    given = os.environ.get(SEED)
    if not given:
        return fixed
    found = int.from_bytes(hashlib.sha256(f"{int(given)}/{fixed}".encode()).digest()[:6], "big")
    print(f"{SEED}={given}: the seed of this test is {found}")  # noqa: T201 -- pytest shows it when the test fails
    return found
