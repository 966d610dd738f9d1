"""Which tests are soaked, in which environments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVERYTHING: Final = "soak"
NEWEST: Final = "soak-newest"
LOWEST: Final = "soak-lowest"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the soak.

    Attributes:
        about: what it proves.
        tests: what pytest is given: folders, files, tests.
        environments: of tox, one after the other.
        deep: with many examples, kills and pairs, and new seeds; otherwise as ``make test`` does it.
    """

    about: str
    tests: tuple[str, ...]
    environments: tuple[str, ...] = (EVERYTHING,)
    deep: bool = True


#: What pytest is told beside the tests. Old versions use what newer ones of other libraries warn of.
OPTIONS: Final = {LOWEST: ("-W", "default::DeprecationWarning")}

CORE: Final = "packages/omega-domain/tests"

#: In the order in which they run.
PARTS: Final = {
    "store": Part(
        about="every store: kills, faults at every step, all contracts on all topologies, state machines",
        tests=(
            "tests/faults/test_kill.py",
            "tests/faults/test_mongo_kill.py",
            "tests/faults/test_atomicity.py",
            "tests/faults/test_concurrency.py",
            "tests/faults/test_locks.py",
            "tests/faults/test_mongo_connection.py",
            "tests/contract/test_clocks.py",
            "tests/contract/test_losses.py",
            "tests/contract/test_pausing.py",
            "tests/contract/test_custom_backends.py",
            "tests/contract/test_logging.py",
            "tests/contract/test_omega_store.py",
            "tests/e2e/test_mongo_memory.py",
            f"{CORE}/test_atomicity.py",
            f"{CORE}/test_clocks.py",
            f"{CORE}/test_documents.py",
            f"{CORE}/test_losses.py",
            f"{CORE}/test_memory_stateful.py",
            f"{CORE}/test_memory_store.py",
            f"{CORE}/test_names.py",
            f"{CORE}/test_narrowing.py",
            f"{CORE}/test_omega_store.py",
            f"{CORE}/test_pausing.py",
            f"{CORE}/test_query.py",
            f"{CORE}/test_races.py",
            "packages/omega-local/tests",
            "packages/omega-mongo/tests",
        ),
    ),
    "cluster": Part(
        about="tasks on real brokers and workers that die, with the patience of production; no leak after thousands",
        tests=(
            "tests/faults/cluster/test_brokers.py",
            "tests/faults/cluster/test_leaks.py",
            "tests/faults/cluster/test_patience.py",
            "tests/faults/cluster/test_routing.py",
            "tests/faults/cluster/test_store.py",
            "tests/faults/cluster/test_tasks.py",
            "tests/faults/cluster/test_workers.py",
            "tests/contract/test_celery.py",
            "tests/contract/test_runtime.py",
            "tests/e2e/test_runtime_story.py",
            f"{CORE}/test_dispatching.py",
            f"{CORE}/test_dispatching_stateful.py",
            f"{CORE}/test_inprocess.py",
            f"{CORE}/test_task.py",
            "packages/omega-celery/tests",
        ),
    ),
    "trust": Part(
        about="signatures, secrets, hostile input and pickles",
        tests=(
            "tests/e2e/test_bad_input.py",
            "tests/e2e/test_trust_story.py",
            "tests/contract/test_paths_from_store.py",
            "tests/contract/test_task_arguments.py",
            f"{CORE}/test_signed_texts.py",
            f"{CORE}/test_trust.py",
            "packages/omega-backends/tests/test_model_arguments.py",
            "packages/omega-backends/tests/test_python_file.py",
            "packages/omega-backends/tests/test_sklearn_joblib.py",
            "packages/omega-backends/tests/test_unpickle.py",
            "packages/omega-celery/tests/test_seals.py",
            "packages/omega-celery/tests/test_security.py",
            "packages/omega-celery/tests/test_tls.py",
            "packages/omega-local/tests/test_trust.py",
            "packages/omega-ml/tests/test_keys.py",
            "packages/omega-ml/tests/test_secrets.py",
            "packages/omega-ml/tests/test_settings_edits.py",
            "packages/omega-mongo/tests/test_security.py",
            "packages/omega-mongo/tests/test_trust.py",
        ),
    ),
    "promotion": Part(
        about="promotion and rollback: kills, races, a fault at every step between all pairs of stores",
        tests=(
            "tests/faults/test_promotion_faults.py",
            "tests/faults/test_promotion_kill.py",
            "tests/faults/test_promotion_races.py",
            "tests/contract/test_promotion.py",
            f"{CORE}/test_promotion.py",
            f"{CORE}/test_promotion_atomicity.py",
        ),
    ),
    "archives": Part(
        about="export, import, backup, restore: kills, thousands of mutated archives, all pairs of stores",
        tests=(
            "tests/faults/test_archive_kill.py",
            "tests/contract/test_archives.py",
            f"{CORE}/test_archive_format.py",
            f"{CORE}/test_archive_history.py",
            f"{CORE}/test_archive_landing.py",
            f"{CORE}/test_archives.py",
        ),
    ),
    "frames": Part(
        about="frames, arrays, rows and their filters come back as they were, from every store",
        tests=(
            "tests/contract/test_fidelity.py",
            f"{CORE}/test_codec.py",
            "packages/omega-backends/tests",
            "packages/omega-mongo/tests/test_tables.py",
        ),
    ),
    "versions": Part(
        about="packages and contracts on the newest Python, and on the lowest versions that the packages declare",
        tests=("packages", "tests/contract"),
        environments=(NEWEST, LOWEST),
        deep=False,
    ),
}
