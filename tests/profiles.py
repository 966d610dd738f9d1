"""How many examples hypothesis tries: few and the same in ``make test``, many and new ones in ``make soak``.

A test sets ``max_examples`` or ``stateful_step_count`` itself only where a reason stands beside it; the rest follows
the profile that pytest is started with.
"""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, Phase, settings

TEST: Final = "test"
SOAK: Final = "soak"
#: To explain why an example fails costs minutes where an example costs a second.
PHASES: Final = (Phase.explicit, Phase.generate, Phase.target, Phase.shrink)


def register_profiles() -> None:
    """Make the profiles known to hypothesis.

    Neither has a deadline, since machines are shared, nor a database: an example that failed once would be tried first,
    and the run that a seed repeats would be another one.
    """
    slow = [HealthCheck.too_slow]
    common = settings(deadline=None, database=None, print_blob=True, suppress_health_check=slow, phases=PHASES)
    settings.register_profile(TEST, common, max_examples=15, stateful_step_count=30, derandomize=True)
    settings.register_profile(SOAK, common, max_examples=200, stateful_step_count=50, derandomize=False)
