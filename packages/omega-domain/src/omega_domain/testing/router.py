"""Contract of the port Router."""

from __future__ import annotations

from datetime import timedelta

import pytest

from omega_domain.entities.requirement import DEFAULT_LABEL, Requirement
from omega_domain.errors import NoWorkerError
from omega_domain.ports.router import Router


class RouterContract:
    """What every router promises. A subclass gives the fixture ``router``: workers live for ``default`` and ``gpu``."""

    def test_no_requirement_is_met_by_the_default_label(self, router: Router) -> None:
        assert router.resolve(Requirement()) == DEFAULT_LABEL

    def test_a_label_that_lives_is_resolved_to_itself(self, router: Router) -> None:
        assert router.resolve(Requirement("gpu")) == "gpu"

    def test_a_label_that_nobody_serves_is_refused_naming_those_that_live(self, router: Router) -> None:
        with pytest.raises(NoWorkerError, match=r"'tpu'.*'default', 'gpu'"):
            router.resolve(Requirement("tpu"))

    def test_workers_tell_their_labels(self, router: Router) -> None:
        workers = router.workers()
        assert {label for worker in workers for label in worker.labels} == {DEFAULT_LABEL, "gpu"}
        assert [worker.name for worker in workers] == sorted(worker.name for worker in workers)
        assert all("@" in worker.name and worker.capacity > 0 for worker in workers)

    def test_workers_tell_when_they_were_last_heard_of_in_utc(self, router: Router) -> None:
        assert all(worker.seen.utcoffset() == timedelta(0) for worker in router.workers())

    def test_a_label_that_nobody_serves_is_resolved_if_the_task_may_wait(self, router: Router) -> None:
        assert router.resolve(Requirement("tpu", wait=True)) == "tpu"

    def test_each_label_has_a_queue_of_its_own(self, router: Router) -> None:
        names = {router.queue_of(label) for label in (DEFAULT_LABEL, "gpu", "tpu")}
        assert len(names) == 3
        assert router.queue_of("gpu").endswith("gpu")
