"""The server and what this user may do there are looked at, and every fault comes with its remedy."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from omega_domain.ports.diagnosis import Symptom
from omega_mongo import Connection, MongoStore, diagnosis
from omega_mongo.diagnosis import SCRATCH, diagnose
from omega_mongo.names import HEADS, LAYOUT


@pytest.fixture
def connection(mongo_url: str) -> Connection:
    return Connection(mongo_url)


def _only(symptoms: list[Symptom], what: str) -> Symptom:
    (found,) = [symptom for symptom in symptoms if symptom.what == what]
    return found


def test_a_well_server_has_no_faults(connection: Connection) -> None:
    store = MongoStore(connection)
    before = list(store.diagnose())
    assert {symptom.state for symptom in before} == {"ok"}
    assert _only(before, "layout").detail == "nothing was stored in this database yet"
    store.collection("x").insert_many([{"a": 1}])
    after = list(store.diagnose())
    assert {symptom.state for symptom in after} == {"ok"}
    assert _only(after, "indexes").detail == "all are there"
    assert "write" in _only(after, "permissions").detail
    assert SCRATCH not in connection.database.list_collection_names()
    assert all(symptom.to_plain()["what"] for symptom in after)


def test_a_server_that_is_not_there_is_all_that_is_told() -> None:
    (symptom,) = diagnose(Connection("mongodb://ada:secret@127.0.0.1:9/x?serverSelectionTimeoutMS=50"))
    assert (symptom.what, symptom.state) == ("server", "failed")
    assert "secret" not in symptom.detail
    assert "Start it" in symptom.detail


def test_missing_and_wrong_indexes_are_found(connection: Connection) -> None:
    MongoStore(connection).collection("x").insert_many([{"a": 1}])
    connection.database[HEADS].drop_index("living")
    connection.database[HEADS].create_index("name", name="living")
    connection.database["omega.fs.files"].drop_index("content")
    found = [symptom for symptom in diagnose(connection) if symptom.what == "indexes"]
    assert [symptom.state for symptom in found] == ["failed", "failed"]
    assert "dropIndex('living')" in found[0].remedy
    assert "put anything" in found[1].remedy


def test_a_newer_layout_is_a_fault(connection: Connection) -> None:
    connection.database[LAYOUT].insert_one({"_id": "omega-ml", "format": 99})
    assert _only(list(diagnose(connection)), "layout").remedy == "upgrade omega-ml"


@pytest.mark.parametrize(
    ("limit", "value", "what", "state", "remedy"),
    [
        ("OLDEST", (99, 0), "server", "failed", "upgrade the server"),
        ("MOST_LATENCY", -1.0, "latency", "warning", "nearer"),
        ("MOST_SKEW", -1.0, "clock", "warning", "NTP"),
    ],
)
def test_what_is_beyond_a_limit_is_told(  # noqa: PLR0917
    connection: Connection, monkeypatch: pytest.MonkeyPatch, limit: str, value: Any, what: str, state: str, remedy: str
) -> None:
    monkeypatch.setattr(diagnosis, limit, value)
    symptom = _only(list(diagnose(connection)), what)
    assert symptom.state == state
    assert remedy in symptom.remedy


class Answers:
    """A connection whose server answers otherwise to some commands."""

    def __init__(self, inner: Connection, **answers: Any) -> None:
        self._inner, self._answers = inner, answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def database(self) -> Any:
        return AnsweringDatabase(self._inner.database, self._answers)


class AnsweringDatabase:
    """A database with some answers of its own."""

    def __init__(self, inner: Any, answers: dict[str, Any]) -> None:
        self._inner, self._answers = inner, answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __getitem__(self, name: str) -> Any:
        return self._inner[name]

    def command(self, name: str) -> Any:
        answer = self._answers.get(name)
        if isinstance(answer, Exception):
            raise answer
        return {**self._inner.command(name), **(answer or {})}


@pytest.mark.parametrize(
    ("answers", "what", "state", "said"),
    [
        ({"dbStats": {"fsTotalSize": 100, "fsUsedSize": 95, "dataSize": 5e6}}, "space", "warning", "95% full"),
        ({"buildInfo": {"version": "5.0.3"}}, "server", "failed", "too old"),
        ({"buildInfo": OperationFailure("denied", 13)}, "version", "failed", "may not write"),
        ({"hello": {"msg": "isdbgrid", "setName": None}}, "topology", "ok", "replica set"),
    ],
)
def test_what_servers_say_is_understood(
    connection: Connection, answers: dict[str, Any], what: str, state: str, said: str
) -> None:
    faulty: Any = Answers(connection, **answers)
    symptom = _only(list(diagnose(faulty)), what)
    assert (symptom.state, said in symptom.detail) == (state, True)


def test_servers_of_other_topologies_are_told_apart(connection: Connection) -> None:
    answers = ({"msg": "isdbgrid", "isWritablePrimary": True}, {"isWritablePrimary": False})
    found = [list(diagnosis._topology(connection, hello)) for hello in answers]
    assert [symptom.detail.partition(":")[0] for symptom in found[0]] == ["sharded cluster"]
    assert [symptom.state for symptom in found[1]] == ["ok", "failed"]


def test_a_server_that_keeps_its_space_to_itself_is_no_fault(connection: Connection) -> None:
    faulty: Any = Answers(connection, dbStats=OperationFailure("no such command", 59))
    assert not [symptom for symptom in diagnose(faulty) if symptom.what == "space"]


def test_an_open_connection_to_another_machine_is_told(connection: Connection) -> None:
    class Elsewhere(Answers):
        client = type("Client", (), {"nodes": {("db.example.com", 27017)}})()
        uses_tls = False

    elsewhere: Any = Elsewhere(connection)
    (symptom,) = diagnosis._tls(elsewhere, {})
    assert symptom.remedy == "add tls=true to the URL"
    elsewhere.uses_tls = True
    (symptom,) = diagnosis._tls(elsewhere, {})
    assert symptom.state == "ok"


def test_what_a_user_may_not_do_is_told(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Connection) -> None:
        raise OperationFailure("not authorized", 13, {"errmsg": "not authorized to execute command { insert: 'x' }"})

    monkeypatch.setattr(diagnosis, "_scratch", refuse)
    found = list(diagnose(connection))
    denied = next(symptom for symptom in found if symptom.state == "failed")
    assert "may not write" in denied.detail
    assert "readWrite" in denied.remedy
    assert not [symptom for symptom in found if symptom.what == "writes"]


def test_a_client_that_was_handed_in_is_looked_at_too(mongo_url: str) -> None:
    client: MongoClient[Any] = MongoClient(mongo_url)
    with client:
        assert {symptom.state for symptom in diagnose(Connection(client))} == {"ok"}
