"""The sample backends keep the contracts of backends, so the contracts can be kept."""

from __future__ import annotations

from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.omega import Omega
from omega_domain.ports.backend import DataBackend
from omega_domain.testing.backend import DataBackendContract, ModelBackendContract
from omega_domain.testing.backends import RowsBackend, TextBackend
from omega_domain.testing.models import Affine, AffineBackend, NumbersBackend
from omega_domain.testing.task_queue import register_backends


class TestTextBackend(DataBackendContract):
    @pytest.fixture
    def backend(self) -> type[DataBackend]:
        return TextBackend

    @pytest.fixture
    def objects(self) -> list[Any]:
        return ["", "one", "two"]


class TestRowsBackend(DataBackendContract):
    @pytest.fixture
    def backend(self) -> type[DataBackend]:
        return RowsBackend

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [[{"a": 1}], [], [{"b": [1, 2]}, {"c": None}]]


class TestNumbersBackend(DataBackendContract):
    @pytest.fixture
    def backend(self) -> type[DataBackend]:
        return NumbersBackend

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [[], [1, 2.5]]


class TestAffineBackend(DataBackendContract):
    @pytest.fixture
    def backend(self) -> type[DataBackend]:
        return AffineBackend

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [Affine(), Affine(1), Affine(2, 3)]


class TestAffineModels(ModelBackendContract):
    @pytest.fixture
    def om(self) -> Omega:
        om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
        register_backends(om.context)
        return om

    @pytest.fixture
    def model(self) -> Affine:
        return Affine()

    @pytest.fixture(name="X")
    def x(self) -> list[int]:
        return [1, 2, 3]

    @pytest.fixture(name="Y")
    def y(self) -> list[int]:
        return [2, 4, 6]
