"""Trust: the rules on the stores in memory, and the key ring of a process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_domain import trust
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.entities.names import ObjectKey
from omega_domain.errors import CorruptPayloadError, UntrustedObjectError
from omega_domain.omega import Omega
from omega_domain.ports.keys import KeyRing, Verdict
from omega_domain.repository.context import Context
from omega_domain.testing.keys import KeyRingContract
from omega_domain.testing.trust import CodeBackend, TrustContract, head_of, open_as
from omega_domain.trust import Trust


@pytest.fixture
def context() -> Context:
    return Context(metadata=MemoryMetadataStore(), store=MemoryStore(), clock=ManualClock())


class TestMemoryKeyRing(KeyRingContract):
    @pytest.fixture
    def ring(self) -> KeyRing:
        return MemoryKeyRing()

    def other(self, *, trusted: KeyRing | None = None) -> KeyRing:
        return MemoryKeyRing(trusted=[trusted] if isinstance(trusted, MemoryKeyRing) else [])


class TestTrustInMemory(TrustContract):
    @pytest.fixture
    def context(self, context: Context) -> Context:
        return context


def test_without_keys_nothing_is_signed_and_all_is_loaded(context: Context) -> None:
    context.registry.register(CodeBackend.KIND, CodeBackend)
    om = Omega(context)
    om.models.put("text", "m", kind=CodeBackend.KIND)
    assert head_of(om, "m").signature == ""
    assert om.models.get("m") == "text"
    assert Trust(None, "signed").policy == "any"
    assert (Trust(None, "formats-only").policy, Trust(None, "formats-only").code) == ("any", "formats-only")
    assert Trust().sign_archive("index") == ""
    Trust().check_archive("index", "", "a.omega")


def test_the_former_spelling_answers_both_questions_strictly() -> None:
    strict = Trust(MemoryKeyRing(), "formats-only")
    assert (strict.policy, strict.code) == ("signed", "formats-only")
    assert Trust(MemoryKeyRing(), "any", code="formats-only").policy == "any"
    assert Trust(MemoryKeyRing()).code == "allowed"


def test_a_head_stored_under_another_name_is_damage(context: Context) -> None:
    context.registry.register(CodeBackend.KIND, CodeBackend)
    ring = MemoryKeyRing()
    om = open_as(context, ring)
    om.models.put("text", "m", kind=CodeBackend.KIND)
    om.models.put("other", "n", kind=CodeBackend.KIND)
    metadata = om.context.metadata
    assert isinstance(metadata, MemoryMetadataStore)
    metadata._living[ObjectKey("omega", "models/", "m")] = head_of(om, "n").uid
    with pytest.raises(CorruptPayloadError, match="what is stored for 'm' is about omega:models/n"):
        om.models.get("m")


def test_archives_are_signed_and_checked() -> None:
    ring = MemoryKeyRing()
    signing = Trust(ring, "signed")
    signature = signing.sign_archive("index")
    signing.check_archive("index", signature, "a.omega")
    with pytest.raises(UntrustedObjectError, match=r"the archive a\.omega was not imported: its signature does not"):
        signing.check_archive("other", signature, "a.omega")
    with pytest.raises(UntrustedObjectError, match="a key that is not trusted here"):
        Trust(MemoryKeyRing(), "signed").check_archive("index", signature, "a.omega")


def test_what_was_verified_is_verified_once_as_long_as_it_is_remembered(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Counting(MemoryKeyRing):
        def verify(self, message: bytes, signature: str) -> Verdict:
            asked.append(signature)
            return super().verify(message, signature)

    monkeypatch.setattr(trust, "_REMEMBERED", 2)
    context.registry.register(CodeBackend.KIND, CodeBackend)
    om = Omega(replace(context, trust=Trust(Counting(), "signed")))
    for name in ("m", "n"):
        om.models.put("text", name, kind=CodeBackend.KIND)
    for _ in range(3):
        om.models.get("m")
    assert len(asked) == 2  # head and version
    om.models.get("n")
    om.models.get("m")
    assert len(asked) == 6
