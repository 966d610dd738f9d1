"""What is signed keeps its text: if one of these changes, nothing that was signed before can be verified any more."""

from __future__ import annotations

from datetime import UTC, datetime

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.promotion import HistoryEntry
from omega_domain.entities.version import Part, Version, VersionRef
from omega_domain.repository.history import OF_HISTORY
from omega_domain.trust import OF_ARCHIVE, OF_HEAD, OF_VERSION

TIME = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
KEY = ObjectKey("omega", "models/", "m")
AB, CD = "ab" * 32, "cd" * 32
MANIFEST = (
    '{"attributes":{"metrics":{"r2":0.5},"ü":null},"author":"ada@lab","format":1,"id":"v2","kind":"sklearn.joblib",'
    '"kind_meta":{"packages":{"numpy":"2.4"}},"object":{"bucket":"omega","name":"m","prefix":"models/"},'
    f'"parent":{{"id":"v1","seq":1}},"payload":[{{"meta":{{"n":1}},"ref":"{AB}","sha256":"{AB}","size":7,"type":"blob"}}],'
    '"provenance":{"bucket":"dev"},"seq":2,"time":"2030-01-02T03:04:05.678901+00:00","uid":"u"}'
)
STATEMENT = (
    f'{{"action":"promote","author":"ada@lab","bucket":"omega","digest":"{AB}","forced":null,"former":"{CD}",'
    '"gates":[{"gate":"fitted","passed":true}],"id":"p","n":2,"name":"m","note":null,"prefix":"models/",'
    '"recorded_by":"","role":null,"source":{"bucket":"dev"},"time":"2030-01-02T03:04:05.678901+00:00","uid":"u",'
    '"version":2}'
)


def test_what_stands_before_a_text_says_what_it_is() -> None:
    assert (OF_VERSION, OF_HEAD, OF_ARCHIVE, OF_HISTORY) == (
        b"omega-ml version\n",
        b"omega-ml head\n",
        b"omega-ml archive\n",
        b"omega-ml history\n",
    )


def test_the_manifest_of_a_version() -> None:
    version = Version(
        id="v2",
        uid="u",
        key=KEY,
        seq=2,
        kind="sklearn.joblib",
        parts=(Part(type="blob", ref=AB, size=7, sha256=AB, meta={"n": 1}),),
        kind_meta={"packages": {"numpy": "2.4"}},
        attributes={"metrics": {"r2": 0.5}, "ü": None},
        parent=VersionRef(id="v1", seq=1),
        author="ada@lab",
        created=TIME,
        provenance={"bucket": "dev"},
    )
    assert version.manifest == MANIFEST
    assert Version.from_manifest(MANIFEST, version.digest, "") == version


def test_the_statement_of_a_head() -> None:
    head = Head(
        key=KEY,
        uid="u",
        revision=3,
        kind="sklearn.joblib",
        current=VersionRef(id="v1", seq=1),
        tip=VersionRef(id="v2", seq=2),
        tags={"live": VersionRef(id="v1", seq=1)},
        dropped_versions=("v2",),
        attributes={"ü": [1.5, None]},
        created=TIME,
        modified=TIME,
    )
    assert head.statement == (
        '{"attributes":{"ü":[1.5,null]},"bucket":"omega","created":"2030-01-02T03:04:05.678901+00:00",'
        '"current":{"id":"v1","seq":1},"dropped":null,"dropped_versions":["v2"],"kind":"sklearn.joblib",'
        '"modified":"2030-01-02T03:04:05.678901+00:00","name":"m","prefix":"models/","revision":3,'
        '"tags":{"live":{"id":"v1","seq":1}},"tip":{"id":"v2","seq":2},"uid":"u"}'
    )


def test_the_statement_of_a_record_of_the_history() -> None:
    entry = HistoryEntry(
        id="p",
        n=2,
        former=CD,
        action="promote",
        time=TIME.isoformat(),
        author="ada@lab",
        bucket="omega",
        prefix="models/",
        name="m",
        uid="u",
        version=2,
        digest=AB,
        source={"bucket": "dev"},
        gates=({"gate": "fitted", "passed": True},),
        signature="is not in it",
    )
    assert entry.statement == STATEMENT
