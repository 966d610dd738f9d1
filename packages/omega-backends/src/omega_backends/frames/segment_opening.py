"""Opening segments: what is checked first, and the facts that are kept in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import IO

from omega_backends.frames.index import Field
from omega_backends.frames.parquet import Segment
from omega_backends.frames.segment_facts import SegmentFacts
from omega_domain.entities.version import Part
from omega_domain.ports.payloads import Payloads

#: How the blob of a part is opened.
Opener = Callable[[Part], IO[bytes]]

_SMALL_BYTES = 1 << 20


def open_part(payloads: Payloads) -> Opener:
    """Return how blobs are opened: small ones are checked by their SHA-256, others by the checksums they hold."""
    return lambda part: payloads.open(part, verify=part.size <= _SMALL_BYTES)


def open_segment(part: Part, facts: SegmentFacts, opener: Opener, *, dictionaries: Sequence[str] = ()) -> Segment:
    """Open a segment for reading.

    Raises:
        BlobNotFoundError: it is gone. CorruptPayloadError: it was changed.
    """
    return Segment(opener(part), footer=facts.footer, name=f"{part.ref[:12]}…", dictionaries=dictionaries)


def facts_of(
    part: Part, fields: Sequence[Field], opener: Opener, *, columns: Collection[str] | None = None
) -> SegmentFacts:
    """Return the facts about a segment, also those that are kept in it if one of these columns needs them."""
    facts = SegmentFacts.from_plain(part.meta, fields)
    if facts.in_file.isdisjoint(facts.in_file if columns is None else columns):
        return facts
    with open_segment(part, facts, opener) as segment:
        return replace(facts, categories={**facts.categories, **json.loads(segment.note)})
