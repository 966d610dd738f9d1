"""Who may do what, over which way, and what never reaches the server: passwords in messages, operators in values."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient, monitoring
from tests.servers.fixtures import MongoServer, new_database
from tests.servers.secantus import HOST, SecantusServer, make_tls

import omega_ml
from omega_domain.errors import OmegaError, StoreError, StoreReadOnlyError, StoreUnavailableError
from omega_domain.omega import Omega
from omega_domain.testing.backends import CollectionBackend, RowsBackend, TextBackend
from omega_mongo import Connection, MongoMetadataStore, MongoStore, open_store

DATABASE: Final = "shared"
SECRETS: Final = {"writer": "w:/@%?#&= ü", "reader": "r-secret", "nobody": "n-secret"}
ROLES: Final = {"writer": "readWrite", "reader": "read"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecantusServer]:
    """A server that asks who one is, with a user for each role and one without any."""
    with SecantusServer(tmp_path_factory.mktemp("guarded")) as server:
        with server.client() as client:
            for name, secret in SECRETS.items():
                roles = [{"role": ROLES[name], "db": DATABASE}] if name in ROLES else []
                client.admin.command("createUser", name, pwd=secret, roles=roles)
        yield server.restart(auth=True)


def _url(server: SecantusServer, user: str, *, password: str | None = None) -> str:
    return server.url_of(DATABASE, user=user, password=password or SECRETS[user], authSource="admin")


@pytest.fixture
def writer(guarded: SecantusServer) -> Omega:
    return omega_ml.setup(_url(guarded, "writer"))


@pytest.fixture
def reader(guarded: SecantusServer, writer: Omega) -> Omega:
    """A user who may read what another one has put."""
    writer.datasets.put({"x": 1}, "data", attributes={"a": 1})
    return omega_ml.setup(_url(guarded, "reader"))


def test_a_user_logs_in_by_the_url(writer: Omega) -> None:
    writer.datasets.put({"x": 1}, "mine")
    assert writer.datasets.get("mine") == {"x": 1}


def test_options_of_the_client_log_in_as_well(guarded: SecantusServer) -> None:
    login = {"username": "writer", "password": SECRETS["writer"], "authSource": "admin"}
    metadata, store = open_store(guarded.url_of(DATABASE), **login)
    om = Omega(metadata=metadata, store=store)
    om.datasets.collection("rows").insert_many([{"_id": "x"}])
    assert SECRETS["writer"] not in repr(store)
    store.close()


@pytest.mark.parametrize("user", ["writer", "nobody in particular"])
def test_a_wrong_password_is_told_without_the_password(guarded: SecantusServer, user: str) -> None:
    wrong = "wrong-secret"
    om = omega_ml.setup(f"{_url(guarded, user, password=wrong)}&serverSelectionTimeoutMS=1000")
    for do in (lambda: om.datasets.put({"x": 1}, "mine"), lambda: om.datasets.get("mine"), om.datasets.list):
        with pytest.raises(StoreUnavailableError, match=r"refuses user or password.*authSource") as found:
            do()
        assert wrong not in _whole(found.value)


def test_who_does_not_log_in_is_told_so(guarded: SecantusServer) -> None:
    om = omega_ml.setup(guarded.url_of(DATABASE))
    with pytest.raises(StoreUnavailableError, match=f"{HOST}:{guarded.port}/{DATABASE} asks who you are"):
        om.datasets.list()


def test_no_password_is_shown(guarded: SecantusServer, writer: Omega) -> None:
    metadata, store = open_store(_url(guarded, "writer"))
    shown = [repr(thing) for thing in (writer, writer.datasets, metadata, store, metadata._connection)]
    shown += [store.url, writer._repr_html_(), repr(metadata._connection.address)]
    for text in shown:
        assert not [part for part in ("w:/", "w%3A", "writer") if part in text]


def test_a_reader_reads(reader: Omega) -> None:
    assert reader.datasets.get("data") == {"x": 1}
    assert "data" in reader.datasets.list()
    assert reader.datasets.exists("data")
    assert reader.datasets.versions("data")
    metadata = reader.datasets.metadata("data")
    assert metadata is not None
    assert metadata.attributes == {"a": 1}
    assert reader.buckets == ["omega"]
    assert reader.check() == []


def test_a_reader_is_told_that_it_may_not_write(reader: Omega, writer: Omega) -> None:
    for do in (
        lambda: reader.datasets.put({"x": 2}, "data"),
        lambda: reader.datasets.put({"x": 2}, "new"),
        lambda: reader.datasets.put({"x": 2}, "data", append=True),
        lambda: reader.datasets.drop("data"),
        lambda: reader.datasets.promote("data", reader["prod"].datasets),
    ):
        with pytest.raises(StoreReadOnlyError, match=r"may not write.*readWrite"):
            do()
    assert writer.datasets.get("data") == {"x": 1}


def test_who_may_nothing_is_told_which_role_to_ask_for(guarded: SecantusServer) -> None:
    om = omega_ml.setup(_url(guarded, "nobody"))
    with pytest.raises(
        StoreError, match="ask for the role"
    ):  # SecantusDB words it as nobody else; see test_translating
        om.datasets.list()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecantusServer]:
    """A server that speaks TLS only."""
    folder = tmp_path_factory.mktemp("tls")
    with SecantusServer(folder, tls=make_tls(folder)) as server:
        yield server


def test_who_knows_the_authority_is_connected(secured: SecantusServer) -> None:
    om = omega_ml.setup(secured.url_of(new_database()))
    om.datasets.put({"x": 1}, "data")
    assert om.datasets.get("data") == {"x": 1}


def test_the_authority_may_be_given_as_an_option(secured: SecantusServer) -> None:
    assert secured.tls is not None
    authority = str(secured.tls.authority)
    plain = f"mongodb://{HOST}:{secured.port}/{new_database()}"
    metadata, store = open_store(plain, tls=True, tlsCAFile=authority)
    with closing(store):
        assert metadata.buckets() == []


def test_a_server_that_nobody_vouches_for_is_refused(secured: SecantusServer) -> None:
    om = omega_ml.setup(secured.url_of("x", tlsCAFile=None, serverSelectionTimeoutMS=500))
    with pytest.raises(StoreUnavailableError, match=r"(?i)certificate.*verif") as found:
        om.datasets.list()
    assert f"{HOST}:{secured.port}" in str(found.value)


def test_another_authority_is_no_proof(secured: SecantusServer, tmp_path: Path) -> None:
    other = str(make_tls(tmp_path).authority)
    om = omega_ml.setup(secured.url_of("x", tlsCAFile=other, serverSelectionTimeoutMS=500))
    with pytest.raises(StoreUnavailableError, match=r"(?i)certificate"):
        om.datasets.put({"x": 1}, "data")


def test_who_does_not_speak_tls_is_not_answered(secured: SecantusServer) -> None:
    om = omega_ml.setup(secured.url_of("x", tls="false", tlsCAFile=None, serverSelectionTimeoutMS=500))
    with pytest.raises(StoreUnavailableError, match=f"{HOST}:{secured.port}"):
        om.datasets.list()


class Sent(monitoring.CommandListener):
    """Every command that a client sends."""

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.commands.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


# What the adapter itself may say to the server, and of whose operands the next level is a filter or a list of them.
FILTER_OPERATORS: Final = {
    *("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex", "$options"),
    *("$and", "$or", "$nor", "$not"),
}
UPDATE_OPERATORS: Final = {"$set", "$unset", "$inc", "$setOnInsert", "$max", "$min", "$currentDate", "$push", "$pull"}
STAGES: Final = {
    "$match",
    "$group",
    "$lookup",
    "$project",
    "$sort",
    "$limit",
    "$skip",
    "$unwind",
    "$replaceRoot",
    "$count",
}
DATABASE_FIELDS: Final = {"$db", "$clusterTime", "$readPreference"}
CANARY: Final = "evil"


def _check_filter(wanted: Mapping[str, Any]) -> None:
    """Operators stand where a field or a branch does, and no operand of one is taken for an expression."""
    for key, condition in wanted.items():
        if key in {"$and", "$or", "$nor"}:
            for part in condition:
                _check_filter(part)
            continue
        assert not key.startswith("$"), wanted
        _check_condition(condition)


def _check_condition(condition: Any) -> None:
    """A condition is a dict of known operators, or a plain value, which no dict is."""
    if not isinstance(condition, Mapping):
        return
    assert set(condition) <= FILTER_OPERATORS - {"$and", "$or", "$nor"}, condition
    if "$not" in condition:
        _check_condition(condition["$not"])


def _check_update(update: Any) -> None:
    if isinstance(update, Mapping) and not any(key.startswith("$") for key in update):
        return  # a whole document takes the place of another
    assert isinstance(update, Mapping), update  # a list would be a pipeline
    assert set(update) <= UPDATE_OPERATORS, update
    for fields in update.values():
        assert not [path for path in fields for part in path.split(".") if part.startswith("$")], update


def _check_pipeline(stages: list[Mapping[str, Any]]) -> None:
    for stage in stages:
        assert set(stage) <= STAGES, stage
        if "$match" in stage:
            _check_filter(stage["$match"])
        else:
            assert CANARY not in str(stage), stage


def check_command(command: Mapping[str, Any]) -> None:
    """Assert that in a command operators stand only where our own code puts them."""
    assert {key for key in command if key.startswith("$")} <= DATABASE_FIELDS
    name = next(iter(command))
    if name in {"find", "count", "distinct"}:
        _check_filter(command.get("filter") or command.get("query") or {})
    if name == "find":
        assert not [key for key in command.get("projection") or {} if key.startswith("$")]
    if name == "aggregate":
        _check_pipeline(command["pipeline"])
    for update in command.get("updates", []):
        _check_filter(update["q"])
        _check_update(update["u"])
    for delete in command.get("deletes", []):
        _check_filter(delete["q"])
    assert name not in {"eval", "mapReduce", "$eval"}


HOSTILE: Final[list[Any]] = [
    {"$where": f"sleep(1) || '{CANARY}'"},
    {"$function": {"body": CANARY, "args": [], "lang": "js"}},
    {"$expr": {"$eq": [1, 1]}},
    {"$gt": ""},
    {"$ne": None},
    {"$regex": ".*"},
    {"a": {"$where": CANARY}},
    [{"$out": CANARY}],
    "$where",
    f"${CANARY}",
    "$$ROOT",
    "a.b",
    "a\0b",
    ".*",
    "^(a+)+$",
    "'; return true; //",
    re.compile(".*"),
    {"$a": 1},
    {"": {"$": 1}},
]

hostile_texts: Final = st.one_of(
    st.sampled_from([text for text in HOSTILE if isinstance(text, str)]),
    st.text(st.sampled_from("$.\0*^{}[]'\"/a_\\|() é"), max_size=8),
)
hostile_values: Final = st.recursive(
    st.one_of(st.sampled_from(HOSTILE), hostile_texts, st.integers(-5, 5), st.none()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(hostile_texts, inner, max_size=2),
    max_leaves=4,
)
hostile_filters: Final = st.dictionaries(
    st.one_of(st.sampled_from(["$where", "$expr", "$text", "$and", "$or", "x", "_id", "_omega", "x.y"]), hostile_texts),
    hostile_values,
    max_size=3,
)
SHARED: Final = list(HealthCheck)
EXAMPLES: Final = settings(deadline=None, suppress_health_check=SHARED)


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def connection(mongo_server: MongoServer, sent: Sent) -> Iterator[Connection]:
    """A fresh database, by a client whose commands are noted."""
    database = new_database()
    with MongoClient[dict[str, Any]](mongo_server.url_of(database), event_listeners=[sent]) as client:
        yield Connection(client)
        client.drop_database(database)


@pytest.fixture
def om(connection: Connection) -> Omega:
    om = Omega(metadata=MongoMetadataStore(connection), store=MongoStore(connection))
    for backend in (TextBackend, RowsBackend, CollectionBackend):
        om.context.registry.register(backend.KIND, backend)
    return om


@pytest.fixture
def checked(sent: Sent) -> Callable[[Callable[[], object]], None]:
    """Do something that may be refused by an error of ours, and check all that was sent for it."""

    def check(do: Callable[[], object]) -> None:
        sent.commands.clear()
        with suppress(
            OmegaError, TypeError, re.error, FutureWarning
        ):  # a pattern is no JSON, and a text may be no pattern
            do()
        for command in sent.commands:
            check_command(command)

    return check


Checked = Callable[[Callable[[], object]], None]


@EXAMPLES
@given(filter=hostile_filters, value=hostile_values, path=hostile_texts)
def test_no_filter_brings_an_operator_along(
    connection: Connection, checked: Checked, filter: Any, value: Any, path: str
) -> None:
    collection = MongoStore(connection).collection("things")
    for wanted in (filter, {path: value}, {"x": value}, {"$or": [filter, {"x": value}]}, {"x": {"$in": [value]}}):
        checked(lambda wanted=wanted: list(collection.find(wanted)))  # type: ignore[misc]  # a default binds the loop's value
        checked(lambda wanted=wanted: collection.find_one(wanted))  # type: ignore[misc]
        checked(lambda wanted=wanted: collection.count_documents(wanted))  # type: ignore[misc]
        checked(lambda wanted=wanted: collection.delete_many(wanted))  # type: ignore[misc]
        checked(lambda wanted=wanted: collection.update_one(wanted, {"$set": {"y": value}}, upsert=True))  # type: ignore[misc]
    checked(lambda: list(collection.find({}, {path: 1})))
    checked(lambda: list(collection.find({}, sort=[(path, 1)])))
    checked(lambda: collection.update_one({}, {"$set": {path: value}}))
    checked(lambda: collection.update_one({}, value))
    checked(lambda: collection.create_index(path))


@pytest.mark.parametrize(
    "command",
    [
        {"find": "c", "filter": {"$where": "1"}},
        {"find": "c", "filter": {"$or": [{"x": {"$where": "1"}}]}},
        {"find": "c", "filter": {"x": {"$not": {"$expr": 1}}}},
        {"find": "c", "projection": {"$x": 1}},
        {"aggregate": "c", "pipeline": [{"$match": {"$expr": 1}}]},
        {"aggregate": "c", "pipeline": [{"$out": "c"}]},
        {"update": "c", "updates": [{"q": {}, "u": [{"$set": {"x": 1}}]}]},
        {"update": "c", "updates": [{"q": {}, "u": {"$set": {"a.$[]": 1}}}]},
        {"delete": "c", "deletes": [{"q": {"$where": "1"}}]},
    ],
    ids=str,
)
def test_the_check_of_commands_finds_operators(command: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_command(command)


@EXAMPLES
@given(name=hostile_texts, value=hostile_values, tag=hostile_texts, attributes=hostile_filters)
def test_no_name_tag_or_attribute_brings_an_operator_along(
    om: Omega, checked: Checked, *, name: str, value: Any, tag: str, attributes: Any
) -> None:
    store = om.datasets
    checked(lambda: store.put("text", name, tag=tag, attributes=attributes))
    checked(lambda: store.put([{"x": value}, attributes], "rows"))
    checked(lambda: store.put([{"x": value}], "rows", append=True))
    for key in (name, f"{name}@{tag}", "rows"):
        checked(lambda key=key: store.get(key))  # type: ignore[misc]
        checked(lambda key=key: store.metadata(key))  # type: ignore[misc]
        checked(lambda key=key: store.exists(key))  # type: ignore[misc]
        checked(lambda key=key: store.promote(key, om["prod"].datasets))  # type: ignore[misc]
    checked(lambda: store.list(name))
    checked(lambda: store.list(regexp=name))
    checked(lambda: store.list(kind=name))
    checked(lambda: om[name].datasets.get(name))
    checked(lambda: store.collection(name).insert_many([{"x": value}]))
    checked(lambda: store.fs.put(b"x"))
    checked(lambda: store.drop(name))
    checked(om.collect)


@EXAMPLES
@given(name=hostile_texts, value=hostile_values)
def test_what_is_hostile_comes_back_as_it_was_put(om: Omega, name: str, value: Any) -> None:
    collection = om.context.store.collection("things")
    collection.drop()
    try:
        collection.insert_many([{"_id": "x", "v": {name: value}}])
    except OmegaError:
        return
    found = collection.find_one({"_id": "x"})
    assert found is not None
    assert found["v"] == {name: value} or isinstance(value, re.Pattern)
    # not counted: SecantusDB takes a value for an operator within a pipeline
    assert [document["_id"] for document in collection.find({"v": {"$eq": found["v"]}})] == ["x"]


@pytest.mark.parametrize(
    "wrong", [{"$where": "1"}, {"x": {"$where": "1"}}, {"$expr": {}}, {"x": {"$function": {}}}], ids=str
)
def test_code_in_a_filter_is_refused_before_anything_is_sent(connection: Connection, sent: Sent, wrong: Any) -> None:
    collection = MongoStore(connection).collection("things")
    for do in (collection.find, collection.find_one, collection.count_documents, collection.delete_many):
        with pytest.raises(OmegaError, match="unknown operator"):
            do(wrong)
    assert sent.commands == []


def _whole(error: BaseException) -> str:
    """Return all that is printed of an error, with those it came from."""
    return "".join(traceback.format_exception(error, chain=True))
