"""The stores of a bucket, one for each type of object: what an Omega and its runtime work on."""

from __future__ import annotations

from functools import cached_property

from omega_domain.entities.names import DATA, JOBS, MODELS, SCRIPTS
from omega_domain.repository.context import Context
from omega_domain.repository.objects import OmegaStore


class Stores:
    """The stores of one bucket of a context, each made when it is first asked for.

    Args:
        context: the context.
        bucket: name of the bucket.
    """

    def __init__(self, context: Context, bucket: str) -> None:
        self.context = context
        self.bucket = bucket

    @cached_property
    def datasets(self) -> OmegaStore:
        """Datasets of this bucket."""
        return self.of(DATA)

    @cached_property
    def models(self) -> OmegaStore:
        """Models of this bucket."""
        return self.of(MODELS)

    @cached_property
    def jobs(self) -> OmegaStore:
        """Notebooks of this bucket."""
        return self.of(JOBS)

    @cached_property
    def scripts(self) -> OmegaStore:
        """Scripts of this bucket."""
        return self.of(SCRIPTS)

    def of(self, prefix: str) -> OmegaStore:
        """Return a new store of the type that this prefix stands for."""
        return OmegaStore(self.context, prefix=prefix, bucket=self.bucket)
