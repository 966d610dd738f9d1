"""Databases that tests share are empty for each of them, and keep what takes long to make."""

from __future__ import annotations

import re

import pytest
from tests.servers.databases import Databases

from omega_mongo.names import HEADS
from omega_mongo.schema import INDEXES


def test_a_database_is_given_again_without_what_was_in_it_but_with_its_indexes(databases: Databases) -> None:
    taken = databases.take()
    taken.database[HEADS].insert_one({"_id": "x"})
    taken.database["rows"].insert_one({"_id": 1})
    databases.give_back(taken)
    again = databases.take()
    assert again is taken
    assert again.database[HEADS].find_one() is None
    assert "rows" not in again.database.list_collection_names()
    assert set(again.database[HEADS].index_information()) == {
        "_id_",
        *(each.document["name"] for each in INDEXES[HEADS]),
    }
    databases.give_back(again)


def test_nobody_is_given_a_database_that_another_has(databases: Databases) -> None:
    with databases.lending() as lend:
        assert lend().url != lend().url


@pytest.mark.parametrize("left", ["rows", *INDEXES])
def test_what_outlived_a_test_is_told_to_the_next(databases: Databases, left: str) -> None:
    taken = databases.take()
    databases.give_back(taken)
    taken.database[left].insert_one({"_id": 1, "files_id": 1, "n": 1})
    with pytest.raises(AssertionError, match=re.escape(f"['{left}']")):
        databases.take()
