"""Names and their grammar."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.entities.names import (
    GRAMMAR,
    TEMPORARY,
    Extract,
    ObjectKey,
    ObjectRef,
    is_hidden,
    is_temporary,
    validate_bucket,
    validate_name,
    validate_new_name,
    validate_tag,
)
from omega_domain.errors import InvalidNameError, InvalidTagError

printable = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters=GRAMMAR + "/"), min_size=1, max_size=20
)
plain_names = printable.filter(lambda text: text not in {".", ".."})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sales", ObjectRef(name="sales")),
        ("a/b", ObjectRef(name="a/b")),
        ("sales[x,y]", ObjectRef(name="sales", columns=("x", "y"))),
        ("sales[x, y]", ObjectRef(name="sales", columns=("x", "y"))),
        ("sales[^y]", ObjectRef(name="sales", columns=("y",), excluding=True)),
        ('sales["a,b",c]', ObjectRef(name="sales", columns=("a,b", "c"))),
        ('sales["a]b"]', ObjectRef(name="sales", columns=("a]b",))),
        ('sales["a#b"]', ObjectRef(name="sales", columns=("a#b",))),
        ("m@v1", ObjectRef(name="m", version="v1")),
        ("m@3", ObjectRef(name="m", version="3")),
        ("m@latest", ObjectRef(name="m", version="latest")),
        ("m^", ObjectRef(name="m", back=1)),
        ("m^^", ObjectRef(name="m", back=2)),
        ("m@v1^", ObjectRef(name="m", version="v1", back=1)),
        ("sales@2[x]", ObjectRef(name="sales", version="2", columns=("x",))),
        ("sales#", ObjectRef(name="sales", part=Extract(name="iterchunks"))),
        (
            "sales#rows:start=1,end=2",
            ObjectRef(name="sales", part=Extract(name="rows", options={"start": 1, "end": 2})),
        ),
        (
            "sales#iterchunks:chunksize=5",
            ObjectRef(name="sales", part=Extract(name="iterchunks", options={"chunksize": 5})),
        ),
        (
            "sales@v1[x]#rows:end=3",
            ObjectRef(name="sales", version="v1", columns=("x",), part=Extract(name="rows", options={"end": 3})),
        ),
    ],
)
def test_grammar_is_taken_apart(text: str, expected: ObjectRef) -> None:
    assert ObjectRef.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a\0b",
        "a\nb",
        "x" * 256,
        "ä" * 128,
        "a//b",
        "/a",
        "a/",
        "../a",
        "a/./b",
        "a[",
        "a]",
        "a[]",
        "a[^]",
        "a[b]c",
        "a@",
        "a@v1@v2",
        "a^b",
        "a#unknown",
        "a#rows:first=1",
        "a#rows:start=x",
        "a#rows:start=-1",
        "a#iterchunks:chunksize=0",
        "\ud800",
    ],
)
def test_broken_names_are_refused_with_the_name_in_the_message(text: str) -> None:
    with pytest.raises(InvalidNameError):
        ObjectRef.parse(text)


@pytest.mark.parametrize("value", [None, 1, b"a", ["a"]])
def test_names_that_are_no_text_are_refused(value: object) -> None:
    with pytest.raises(InvalidNameError, match="string"):
        ObjectRef.parse(value)  # type: ignore[arg-type]
    with pytest.raises(InvalidNameError, match="string"):
        validate_name(value)  # type: ignore[arg-type]


@given(st.lists(plain_names, min_size=1, max_size=3).map("/".join))
def test_every_printable_name_without_grammar_is_a_name(name: str) -> None:
    assert ObjectRef.parse(name) == ObjectRef(name=name)
    assert ObjectRef.parse(name).is_plain


@given(plain_names, plain_names, st.integers(0, 3))
def test_versioned_name_parses_to_the_same_reference(name: str, tag: str, back: int) -> None:
    ref = ObjectRef(name=name, version=tag, back=back)
    assert ObjectRef.parse(ref.versioned_name) == ref


@given(st.text(max_size=30))
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    try:
        ref = ObjectRef.parse(text)
    except InvalidNameError:
        return
    assert validate_name(ref.name) == ref.name


@pytest.mark.parametrize("tag", ["", " ", "latest", "12", "a@b", "a\n", "x" * 300])
def test_tags_that_could_be_something_else_are_refused(tag: str) -> None:
    with pytest.raises(InvalidTagError):
        validate_tag(tag)


def test_a_tag_is_text_without_grammar() -> None:
    assert validate_tag("v1.0-rc") == "v1.0-rc"


def test_a_bucket_has_no_folders() -> None:
    assert validate_bucket("dev") == "dev"
    with pytest.raises(InvalidNameError, match="bucket"):
        validate_bucket("a/b")


@pytest.mark.parametrize("name", [".a", "_a", "a/.b/c", "a/_b", ".omega/x"])
def test_a_dot_or_underscore_hides_in_any_folder(name: str) -> None:
    assert is_hidden(name)


@pytest.mark.parametrize("name", ["", "a.b/c_d", "a_b", "a/b_"])
def test_neither_hides_inside_of_a_part(name: str) -> None:
    assert not is_hidden(name)


@pytest.mark.parametrize("name", ["_a", "a/_temp/b", ".omega/_memory/0", ".omega/temp", "omega/_temp/a", "_temp/a"])
def test_only_what_the_runtime_made_for_tasks_is_temporary(name: str) -> None:
    assert not is_temporary(name)
    assert is_temporary(f"{TEMPORARY}{name}")


@pytest.mark.parametrize("name", [".omega", ".omega/x", ".omega/_temp/a"])
def test_names_of_the_runtime_are_given_to_nothing_new(name: str) -> None:
    with pytest.raises(InvalidNameError, match="reserved for the runtime"):
        validate_new_name(name)


@pytest.mark.parametrize("name", [".omegas/x", "a/.omega", "omega/x", "_omega"])
def test_other_names_are(name: str) -> None:
    assert validate_new_name(name) == name


@pytest.mark.parametrize("text", ["d[x]", "d[^x]", "d#", "d@v1^[x]#rows:start=0,end=2"])
def test_a_piece_is_not_taken_for_the_whole(text: str) -> None:
    whole = ObjectRef.parse(text).versioned_name
    with pytest.raises(
        InvalidNameError, match=rf"'{re.escape(text)}' is a piece of an object: drop '{re.escape(whole)}'"
    ):
        ObjectRef.parse_whole(text, "drop")
    assert ObjectRef.parse_whole(whole, "drop").versioned_name == whole


@pytest.mark.parametrize("text", ["d[x]", "d#", "d@v1", "d^"])
def test_a_plain_name_is_neither_version_nor_piece(text: str) -> None:
    with pytest.raises(InvalidNameError, match=r"can not roll back .*: give the plain name 'd'"):
        ObjectRef.parse_plain(text, "roll back")
    assert ObjectRef.parse_plain("d", "roll back").is_plain


@pytest.mark.parametrize(("text", "mended"), [("d[x]@1", "d@1[x]"), ("d[x,y]^", "d^[x,y]"), ("d[a]@v^#", "d@v^[a]")])
def test_a_version_behind_columns_is_told_its_place(text: str, mended: str) -> None:
    with pytest.raises(InvalidNameError, match=rf"write '{re.escape(mended)}'"):
        ObjectRef.parse(text)


def test_a_key_reads_as_bucket_prefix_and_name() -> None:
    assert str(ObjectKey("dev", "data/", "a/b")) == "dev:data/a/b"
