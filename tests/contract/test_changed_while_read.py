"""The bytes that were compared with their SHA-256 are the bytes that are loaded, on each kind of store.

The attacker writes to a blob while it is read: each byte that is read a second time is theirs.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.errors import CorruptPayloadError
from omega_domain.omega import Omega
from omega_domain.ports.store import SupportsLocalPath
from omega_domain.repository import verified
from omega_domain.repository.context import Context
from omega_domain.trust import Trust
from omega_ml import plugins
from omega_ml import virtualobj as as_virtualobj

RANDOM = np.random.default_rng(0)
DATA = RANDOM.random((60, 3))


class Evil:
    """What runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self._mark,)


class Rewritten(io.RawIOBase):
    """A blob that somebody writes to: what is read again is the attacker's."""

    def __init__(self, file: BinaryIO, evil: bytes) -> None:
        super().__init__()
        self._file, self._evil, self._until = file, evil, 0
        self.times = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        start = self._file.tell()
        data = self._file.read(len(view))
        if start < self._until:
            self.times += 1
            data = self._evil[start : start + len(data)].ljust(len(data), b"!")
        self._until = max(self._until, start + len(data))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


@pytest.mark.parametrize("kind", ["memory", "local", "mongo"])
class TestChangedWhileRead:
    """What is loaded is what was signed, or an error; the attacker's code never runs."""

    @pytest.fixture
    def om(self, kind: str, make_context: Callable[[str], Context]) -> Omega:
        """An Omega that loads what it has signed."""
        trust = Trust(MemoryKeyRing(), "signed")
        return Omega(replace(make_context(kind), registry=plugins.backends(), codec=plugins.codec(), trust=trust))

    @pytest.fixture
    def mark(self, tmp_path: Path) -> Iterator[Path]:
        """The file that is there if the attacker's code ran, which it did not at the end."""
        mark = tmp_path / "it ran"
        yield mark
        assert not mark.exists()

    @pytest.fixture
    def attacked(self, om: Omega, mark: Path, monkeypatch: pytest.MonkeyPatch) -> Omega:
        """The same, under attack from now on."""
        files = om.datasets.context.store.files
        get, evil = files.get, pickle.dumps(Evil(mark), protocol=0) + b"." * (1 << 20)
        monkeypatch.setattr(files, "get", lambda ref: io.BufferedReader(Rewritten(get(ref), evil)))
        return om

    @pytest.mark.parametrize("format_", ["pickle", "joblib"])
    @pytest.mark.parametrize("is_large", [False, True])
    def test_a_model(
        self,
        attacked: Omega,
        format_: str,
        is_large: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        model = RandomForestRegressor(n_estimators=3, random_state=0).fit(DATA[:, :2], DATA[:, 2])
        attacked.models.put(model, "m", format=format_)
        if is_large:
            monkeypatch.setattr(verified, "SMALL", 100)
            monkeypatch.setattr(verified, "LARGE", 100)
        with suppress(CorruptPayloadError):
            np.testing.assert_array_equal(attacked.models.get("m").predict(DATA[:, :2]), model.predict(DATA[:, :2]))

    def test_a_function(self, attacked: Omega) -> None:
        def answer(data: object = None) -> object:
            return data

        attacked.models.put(as_virtualobj(answer), "f")
        assert attacked.models.get("f", raw=True)(42) == 42

    def test_an_array(self, attacked: Omega) -> None:
        attacked.datasets.put(DATA, "a")
        np.testing.assert_array_equal(attacked.datasets.get("a"), DATA)

    @pytest.mark.parametrize("is_large", [False, True])
    def test_a_file(self, attacked: Omega, tmp_path: Path, is_large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        content = RANDOM.bytes(3000)
        attacked.datasets.put(io.BytesIO(content), "f")
        if is_large:
            monkeypatch.setattr(verified, "SMALL", 100)
        assert attacked.datasets.get("f", path=tmp_path / "copy").read_bytes() == content
        with suppress(CorruptPayloadError), attacked.datasets.get("f") as file:
            assert file.read() == content

    def test_a_folder(self, attacked: Omega, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "a.txt").write_text("a")
        attacked.datasets.put(tmp_path / "folder", "f")
        attacked.datasets.get("f", path=tmp_path / "copy")
        assert (tmp_path / "copy" / "a.txt").read_text() == "a"


class TestTheFileOfABlob:
    """The same with the real file of the embedded store."""

    def test_whoever_writes_to_it_is_not_loaded(self, make_context: Callable[[str], Context], tmp_path: Path) -> None:
        context = make_context("local")
        om = Omega(replace(context, registry=plugins.backends(), trust=Trust(MemoryKeyRing(), "signed")))
        om.models.put(RandomForestRegressor(n_estimators=3).fit(DATA[:, :2], DATA[:, 2]), "m")
        meta = om.models.resolve("m")
        files = context.store.files
        assert isinstance(files, SupportsLocalPath)
        blob = files.local_path(meta.parts[0].ref)
        content = blob.read_bytes()
        with meta.open_trusted() as trusted:
            blob.chmod(0o600)
            with blob.open("r+b") as file:
                file.write(pickle.dumps(Evil(tmp_path / "it ran")))
            assert trusted.file.read() == content
        with pytest.raises(CorruptPayloadError):
            om.models.get("m")
        assert not (tmp_path / "it ran").exists()
