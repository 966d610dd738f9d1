"""Contract of trust on a pair of stores: what somebody can do who may write to them, and what is refused then.

A subclass gives the fixture ``context``, on empty stores, without keys. The attacker goes past omega-ml: through the
ports, which know nothing of signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.head import Head
from omega_domain.entities.version import Payload, Version
from omega_domain.errors import UntrustedObjectError
from omega_domain.omega import Omega
from omega_domain.ports.environment import Policy
from omega_domain.ports.objects import StoredObject
from omega_domain.repository.context import Context
from omega_domain.repository.metadata import Metadata
from omega_domain.trust import Code, Trust

__all__ = ["CodeBackend", "TrustContract"]

FORGED = "its signature does not match"


class CodeBackend(BaseDataBackend):
    """Keeps text as if it were code, so that it is loaded from who is trusted only."""

    KIND: ClassVar[str] = "test.code"

    def put(self, obj: str, name: str, *, attributes: Any = None) -> StoredObject:
        """Store text."""
        part = self.data_store.payloads.write(lambda file: file.write(obj.encode()))
        meta = self.data_store.make_metadata(name, self.KIND, attributes=attributes)
        return meta.set_payload(Payload([part])).save()

    def get(self, name: str) -> str:
        """Load the text."""
        with self.data_store.resolve(name).open_trusted() as trusted:
            return trusted.file.read().decode()


class TrustContract:
    """What is refused on these stores."""

    @pytest.fixture
    def ring(self) -> MemoryKeyRing:
        """The keys of who puts."""
        return MemoryKeyRing()

    @pytest.fixture
    def om(self, context: Context, ring: MemoryKeyRing) -> Omega:
        """An Omega with two versions of a model, and another model, all put by somebody trusted."""
        context.registry.register(CodeBackend.KIND, CodeBackend)
        om = open_as(context, ring)
        om.models.put("one", "m", kind=CodeBackend.KIND, attributes={"of": "one"}, tag="first")
        om.models.put("two", "m", kind=CodeBackend.KIND, attributes={"of": "two"})
        om.models.put("other", "n", kind=CodeBackend.KIND)
        return om

    def test_what_was_put_by_who_is_trusted_is_loaded(self, om: Omega) -> None:
        assert [om.models.get(name) for name in ("m", "m@1", "m@first", "m^", "n")] == [
            "two",
            "one",
            "one",
            "one",
            "other",
        ]

    def test_every_change_of_a_head_is_signed(self, om: Omega) -> None:
        om.models.tag("m", "second")
        meta = om.models.resolve("m")
        meta.attributes["x"] = 1
        meta.save()
        om.models.drop("m@1")
        assert om.models.get("m@second") == "two"
        assert meta.store.get("m") == "two"

    def test_changed_attributes_are_refused(self, om: Omega) -> None:
        head = head_of(om, "m")
        rewrite(om, replace(head, attributes={"of": "evil"}))
        refused(om, "m", FORGED)

    def test_a_changed_manifest_is_refused(self, om: Omega) -> None:
        exchange(om, "m", lambda version: replace(version, kind_meta={"evil": True}))
        refused(om, "m", FORGED)

    def test_payloads_swapped_between_versions_are_refused(self, om: Omega) -> None:
        first = om.models.resolve("m@1").record
        assert first is not None
        exchange(om, "m", lambda version: replace(version, parts=first.parts))
        refused(om, "m", FORGED)

    def test_a_version_of_another_object_is_refused(self, om: Omega) -> None:
        other = om.models.resolve("n").record
        assert other is not None
        head = head_of(om, "m")
        rewrite(om, replace(head, current=other.ref))
        refused(om, "m", FORGED)

    def test_two_that_are_signed_but_do_not_belong_together_are_refused(self, om: Omega) -> None:
        version = om.models.resolve("n").record
        assert version is not None
        mixed = Metadata(om.models, head_of(om, "m").key, version.kind, head=head_of(om, "m"), version=version)
        with pytest.raises(UntrustedObjectError, match=FORGED):
            mixed.check_trust()

    def test_an_older_version_made_current_is_refused(self, om: Omega) -> None:
        head = head_of(om, "m")
        rewrite(om, replace(head, current=head.tags["first"]))
        refused(om, "m", FORGED)

    def test_an_older_version_in_place_of_a_newer_is_refused(self, om: Omega) -> None:
        first = om.models.resolve("m@1").record
        assert first is not None
        head = head_of(om, "m")
        om.context.metadata.purge(versions=[head.current.id])
        rewrite(om, replace(head, current=first.ref))
        refused(om, "m", FORGED)

    def test_a_tag_that_was_moved_is_refused(self, om: Omega) -> None:
        head = head_of(om, "m")
        rewrite(om, replace(head, tags={"first": head.current}))
        refused(om, "m@first", FORGED)

    def test_an_older_state_put_back_is_refused_by_who_saw_the_newer(self, om: Omega, ring: MemoryKeyRing) -> None:
        before = head_of(om, "m")
        om.models.put("three", "m", kind=CodeBackend.KIND)
        assert om.models.get("m") == "three"
        om.context.metadata.commit(before, expected=before.revision + 1)
        refused(om, "m", "at revision 2, but was at 3 before")
        refused(open_as(om.context, ring), "m", "put back an older state")

    def test_who_holds_metadata_read_a_while_ago_may_load_what_it_says(self, om: Omega) -> None:
        held = om.models.resolve("m")
        om.models.put("three", "m", kind=CodeBackend.KIND)
        assert om.models.get("m") == "three"
        with held.open_trusted() as trusted:
            assert trusted.file.read() == b"two"
        assert held.unpack_trusted(bytes).unpacked == b"two"

    def test_what_may_not_be_loaded_is_not_unpacked_either(self, om: Omega) -> None:
        stranger = open_as(om.context, MemoryKeyRing())
        stranger.models.put("evil", "x", kind=CodeBackend.KIND)
        given: list[memoryview] = []
        with pytest.raises(UntrustedObjectError):
            om.models.resolve("x").unpack_trusted(given.append)
        assert not given

    def test_a_name_that_was_dropped_and_put_again_is_loaded(self, om: Omega) -> None:
        held = om.models.resolve("m")
        assert om.models.get("m") == "two"
        om.models.drop("m")
        om.models.put("new", "m", kind=CodeBackend.KIND)
        assert om.models.get("m") == "new"
        with held.open_trusted() as trusted:
            assert trusted.file.read() == b"two"

    def test_what_a_foreigner_put_is_refused(self, om: Omega) -> None:
        stranger = open_as(om.context, MemoryKeyRing())
        stranger.models.put("evil", "x", kind=CodeBackend.KIND)
        refused(om, "x", "was signed by hmac-.*, a key that is not trusted here.* om keys trust")

    def test_what_nobody_signed_is_refused(self, om: Omega) -> None:
        open_as(om.context, None, "any").models.put("evil", "x", kind=CodeBackend.KIND)
        refused(om, "x", "nobody has signed it.* trust = 'any'")

    def test_a_head_signed_for_a_version_that_was_not_is_refused(self, om: Omega) -> None:
        exchange(om, "m", lambda version: replace(version, signature=""))
        refused(om, "m", "nobody has signed it")

    def test_what_was_not_saved_is_refused(self, om: Omega) -> None:
        with pytest.raises(UntrustedObjectError, match="is not saved yet"):
            om.models.make_metadata("new", CodeBackend.KIND).check_trust()

    def test_a_changed_head_is_not_signed_anew(self, om: Omega) -> None:
        head = head_of(om, "m")
        rewrite(om, replace(head, tags={"first": head.current}))
        meta = om.models.resolve("m")
        meta.attributes["x"] = 1
        changes: list[Callable[[], object]] = [
            meta.save,
            lambda: om.models.tag("m", "t"),
            lambda: om.models.put("three", "m", kind=CodeBackend.KIND),
        ]
        for change in changes:
            with pytest.raises(UntrustedObjectError, match="'m' in models of bucket 'omega' was not changed"):
                change()
        om.models.drop("m")
        om.models.put("three", "m", kind=CodeBackend.KIND)
        assert om.models.get("m") == "three"

    def test_data_of_others_may_be_replaced(self, om: Omega) -> None:
        open_as(om.context, MemoryKeyRing()).datasets.put("theirs", "d", kind=CodeBackend.KIND)
        om.datasets.put("ours", "d", kind=CodeBackend.KIND)
        assert om.datasets.get("d") == "ours"

    def test_a_check_finds_what_would_not_be_loaded(self, om: Omega) -> None:
        assert om.check() == []
        open_as(om.context, MemoryKeyRing()).models.put("evil", "x", kind=CodeBackend.KIND)
        open_as(om.context, None, "any").models.put("evil", "y", kind=CodeBackend.KIND)
        open_as(om.context, None, "any").datasets.put("theirs", "d", kind=CodeBackend.KIND)
        rewrite(om, replace(head_of(om, "m"), attributes={"of": "evil"}))
        findings = om.check()
        found = {finding.where: finding.what.rpartition(", ")[2] for finding in findings}
        assert {finding.severity for finding in findings} == {"untrusted"}
        assert found == {
            "omega:models/m": "its signature does not match: it was changed outside of omega-ml",
            "omega:models/x": "a key that is not trusted here",
            "omega:models/x version 1": "a key that is not trusted here",
            "omega:models/y": "nobody has signed it",
            "omega:models/y version 1": "nobody has signed it",
        }

    def test_any_loads_all(self, om: Omega) -> None:
        rewrite(om, replace(head_of(om, "m"), attributes={"of": "evil"}))
        assert open_as(om.context, MemoryKeyRing(), "any").models.get("m") == "two"

    def test_formats_only_loads_no_code_whoever_signed_it(self, om: Omega, ring: MemoryKeyRing) -> None:
        strict = open_as(om.context, ring, code="formats-only")
        refused(strict, "m", "it is a test.code, which is code, and code = 'formats-only'")
        with strict.models.resolve("m").open_trusted(is_code=False) as trusted:
            assert trusted.file.read() == b"two"

    @pytest.mark.parametrize("rules", [{"code": "formats-only"}, {"policy": "formats-only"}])
    def test_formats_without_code_are_verified_as_code_is(self, om: Omega, ring: MemoryKeyRing, rules: Any) -> None:
        strict = open_as(om.context, ring, **rules)
        open_as(om.context, MemoryKeyRing()).models.put("evil", "x", kind=CodeBackend.KIND)
        open_as(om.context, None, "any").models.put("evil", "y", kind=CodeBackend.KIND)
        with pytest.raises(UntrustedObjectError, match="not trusted here"):
            strict.models.resolve("x").check_trust(is_code=False)
        with pytest.raises(UntrustedObjectError, match="nobody has signed it"):
            strict.models.resolve("y").check_trust(is_code=False)
        strict.models.resolve("m").check_trust(is_code=False)
        before = head_of(om, "m")
        om.models.put("three", "m", kind=CodeBackend.KIND)
        strict.models.resolve("m").check_trust(is_code=False)
        om.context.metadata.commit(before, expected=before.revision + 1)
        with pytest.raises(UntrustedObjectError, match="put back an older state"):
            strict.models.resolve("m").check_trust(is_code=False)

    @pytest.mark.parametrize("rules", [{"code": "formats-only"}, {"policy": "formats-only"}])
    def test_who_loads_formats_only_signs_no_change_of_a_stranger(
        self, om: Omega, ring: MemoryKeyRing, rules: Any
    ) -> None:
        open_as(om.context, MemoryKeyRing()).models.put("evil", "x", kind=CodeBackend.KIND)
        with pytest.raises(UntrustedObjectError, match="was not changed"):
            open_as(om.context, ring, **rules).models.tag("x", "t")

    def test_any_loads_formats_without_code_that_nobody_signed(self, om: Omega) -> None:
        open_as(om.context, None, "any").models.put("theirs", "y", kind=CodeBackend.KIND)
        lenient = open_as(om.context, MemoryKeyRing(), "any", code="formats-only")
        lenient.models.resolve("y").check_trust(is_code=False)
        refused(lenient, "y", "code = 'formats-only'")


def open_as(
    context: Context, ring: MemoryKeyRing | None, policy: Policy = "signed", *, code: Code = "allowed"
) -> Omega:
    """Return an Omega on the same stores, of somebody with these keys."""
    return Omega(replace(context, trust=Trust(ring, policy, code=code)))


def refused(om: Omega, name: str, why: str) -> None:
    """See that a model is not loaded, and why."""
    with pytest.raises(UntrustedObjectError, match=why):
        om.models.get(name)


def head_of(om: Omega, name: str) -> Head:
    """Return the head of a model."""
    head = om.models.resolve(name).head
    assert head is not None
    return head


def rewrite(om: Omega, head: Head) -> None:
    """Write a head as the attacker does: with the signature that it has."""
    assert om.context.metadata.commit(replace(head, revision=head.revision + 1), expected=head.revision)


def exchange(om: Omega, name: str, change: Callable[[Version], Version]) -> None:
    """Write another version in place of the current one of a model, with the signature that it has."""
    head, version = head_of(om, name), om.models.resolve(name).record
    assert version is not None
    om.context.metadata.purge(versions=[version.id])
    again = replace(head, version=None)
    assert om.context.metadata.commit(again, expected=head.revision, version=change(version))
