"""Names of objects and the grammar around them.

``name[a,b]`` columns, ``name[^y]`` all but, ``name@tag``, ``name@3``, ``name@latest``, ``name^`` one version
back, ``name#rows:start=0,end=10`` and ``name#iterchunks:chunksize=100`` parts of the whole.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from omega_domain.errors import InvalidNameError, InvalidTagError

MAX_NAME_BYTES = 255
GRAMMAR = "@^[]#"
LATEST = "latest"
ANY = "*"

#: What tells the stores of a bucket apart: those of data, models, notebooks and scripts.
DATA, MODELS, JOBS, SCRIPTS = "data/", "models/", "jobs/", "scripts/"
PREFIXES = (DATA, MODELS, JOBS, SCRIPTS)
#: What an object of a store is called in messages.
NOUN_OF: Mapping[str, str] = {DATA: "dataset", MODELS: "model", JOBS: "job", SCRIPTS: "script"}

#: First part of the names that only the runtime gives; below the second, collect removes what was left behind.
RESERVED = ".omega"
TEMPORARY = f"{RESERVED}/_temp/"

_EXTRACTS: Mapping[str, tuple[str, ...]] = {"rows": ("start", "end"), "iterchunks": ("chunksize",)}
_VERSION = re.compile(r"(?:@(?P<version>[^\^\[\]#@]*))?(?P<back>\^*)\Z")


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """Where an object lives in a context: bucket, prefix of its store (``data/``, ``models/``) and name."""

    bucket: str
    prefix: str
    name: str

    def __str__(self) -> str:
        return f"{self.bucket}:{self.prefix}{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What follows ``#`` in a name: a range of rows, or chunks."""

    name: str
    options: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """A name as users write it, taken apart.

    Attributes:
        name: the plain name.
        version: a number, a tag or ``latest``; None if not given.
        back: how many versions back from there.
        columns: names of columns between brackets; None if there are no brackets.
        excluding: whether the columns are those to leave out.
        part: rows or chunks of the object; None for all of it.
    """

    name: str
    version: str | None = None
    back: int = 0
    columns: tuple[str, ...] | None = None
    excluding: bool = False
    part: Extract | None = None

    @classmethod
    def parse(cls, text: str, version: int | str | None = None) -> ObjectRef:
        """Take a name apart.

        Args:
            text: the name.
            version: a number or tag, if the name itself does not say.

        Raises:
            InvalidNameError: the text breaks the grammar; the message shows where. Or it names a version already.
        """
        if not isinstance(text, str):
            raise InvalidNameError(f"a name is a string, not {type(text).__name__}: {text!r}")
        rest, part = _split_part(text)
        rest, columns, excluding = _split_columns(rest, text)
        name, named, back = _split_version(rest, text)
        validate_name(name)
        if version is not None and (named is not None or back):
            raise InvalidNameError(f"{text!r} already names a version; leave out version={version!r}")
        wanted = named if version in {None, LATEST} else str(version)
        return cls(name=name, version=wanted, back=back, columns=columns, excluding=excluding, part=part)

    @classmethod
    def parse_whole(cls, text: str, action: str) -> ObjectRef:
        """Take a name apart that stands for an object or a version of it.

        Args:
            text: the name.
            action: what is to be done with it, for the message: ``drop``.

        Raises:
            InvalidNameError: the text breaks the grammar, or names columns, rows or chunks.
        """
        ref = cls.parse(text)
        if not ref.is_whole:
            raise InvalidNameError(f"{text!r} is a piece of an object: {action} {ref.versioned_name!r}")
        return ref

    @classmethod
    def parse_plain(cls, text: str, action: str) -> ObjectRef:
        """Take a name apart that stands for an object with all its versions.

        Args:
            text: the name.
            action: what is to be done with it, for the message: ``roll back``.

        Raises:
            InvalidNameError: the text breaks the grammar, or names a version, columns, rows or chunks.
        """
        ref = cls.parse(text)
        if not ref.is_plain:
            raise InvalidNameError(f"can not {action} {text!r}: give the plain name {ref.name!r}")
        return ref

    @property
    def is_whole(self) -> bool:
        """Whether this is an object or a version of it, without columns or part."""
        return self.columns is None and self.part is None

    @property
    def is_plain(self) -> bool:
        """Whether this is a bare name, without version, columns or part."""
        return self == ObjectRef(name=self.name)

    @property
    def selector(self) -> str:
        """The version part of the reference as written, such as ``@v1^``; empty for the current version."""
        return (f"@{self.version}" if self.version is not None else "") + "^" * self.back

    @property
    def versioned_name(self) -> str:
        """Name and version, without columns and part."""
        return self.name + self.selector


def validate_name(name: str, *, what: str = "name") -> str:
    """Return the name if it may be given to an object, else raise.

    Raises:
        InvalidNameError: not printable, too long, or with characters of the grammar.
    """
    if not isinstance(name, str):
        raise InvalidNameError(f"a {what} is a string, not {type(name).__name__}: {name!r}")
    problem = _problem(name)
    if problem:
        raise InvalidNameError(f"{name!r} can not be a {what}: {problem}")
    return name


def validate_bucket(name: str) -> str:
    """Return the name if it may be given to a bucket (as a name, without ``/``), else raise InvalidNameError."""
    validate_name(name, what="bucket")
    if "/" in name:
        raise InvalidNameError(f"{name!r} can not be a bucket: '/' separates folders within a bucket")
    return name


def validate_tag(tag: str) -> str:
    """Return the tag if it can be told from a version number, else raise InvalidTagError."""
    if not tag.strip() or not tag.isprintable() or any(c in GRAMMAR for c in tag):
        raise InvalidTagError(f"{tag!r} can not be a tag: use printable text without any of {' '.join(GRAMMAR)}")
    if tag == LATEST or tag.isdigit():
        raise InvalidTagError(f"{tag!r} can not be a tag: it already names a version; try {'v' + tag!r}")
    if len(tag.encode()) > MAX_NAME_BYTES:
        raise InvalidTagError(f"the tag {tag[:20]!r}… is longer than {MAX_NAME_BYTES} bytes")
    return tag


def validate_new_name(name: str, *, what: str = "name") -> str:
    """Return the name if users may give it to an object, else raise.

    Raises:
        InvalidNameError: it is no name, or one of those that the runtime keeps to itself.
    """
    validate_name(name, what=what)
    if is_reserved(name):
        raise InvalidNameError(
            f"{name!r} can not be a {what}: names that begin with {RESERVED + '/'!r} are reserved for the runtime; "
            "take another first part"
        )
    return name


def storage_key(key: ObjectKey, ext: str) -> str:
    """Return a key that is unique to an object and fit for a collection or file of any store."""
    whole = hashlib.sha256(f"{key.bucket}\0{key.prefix}\0{key.name}".encode()).hexdigest()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", key.name).strip("-")[:40]
    return ".".join(part for part in (key.prefix.strip("/"), slug, whole[:24], ext) if part)


def is_hidden(name: str) -> bool:
    """Whether any part of the name starts with ``.`` or ``_``, so that lists leave it out."""
    return any(part.startswith((".", "_")) for part in name.split("/"))


def is_reserved(name: str) -> bool:
    """Whether only the runtime gives this name; users may read and drop such an object, and put none there."""
    return name.split("/", 1)[0] == RESERVED


def is_temporary(name: str) -> bool:
    """Whether the runtime gave this name to an object of one task, which collect may remove once the task has ended."""
    return name.startswith(TEMPORARY)


@lru_cache(maxsize=1024)
def _problem(name: str) -> str | None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "it is not valid Unicode text"
    checks = {
        "it is empty": not name.strip(),
        "it holds characters that can not be printed": not name.isprintable(),
        f"the characters {' '.join(GRAMMAR)} have a meaning in names (version, columns)": set(name) & set(GRAMMAR),
        f"it has {size} bytes, {MAX_NAME_BYTES} are allowed": size > MAX_NAME_BYTES,
        "a folder in it is empty, '.' or '..'": {"", ".", ".."} & set(name.split("/")),
    }
    return next((problem for problem, holds in checks.items() if holds), None)


def _split_part(text: str) -> tuple[str, Extract | None]:
    bracket = text.rfind("]")
    at = text.find("#", bracket + 1)
    if at < 0:
        return text, None
    name, _, options = text[at + 1 :].partition(":")
    name = name or "iterchunks"
    if name not in _EXTRACTS:
        known = ", ".join(f"#{known}" for known in _EXTRACTS)
        raise InvalidNameError(f"unknown part {name!r} in {text!r}; there are: {known}")
    return text[:at], Extract(name=name, options=_parse_options(options, _EXTRACTS[name], text))


def _parse_options(options: str, allowed: tuple[str, ...], text: str) -> dict[str, int]:
    values: dict[str, int] = {}
    for item in filter(None, options.split(",")):
        key, _, value = item.partition("=")
        if key not in allowed:
            raise InvalidNameError(f"unknown option {key!r} in {text!r}; there are: {', '.join(allowed)}")
        if not value.strip().isdigit():
            raise InvalidNameError(f"option {key!r} in {text!r} must be a whole number, not {value!r}")
        values[key] = int(value)
    if values.get("chunksize") == 0:
        raise InvalidNameError(f"option 'chunksize' in {text!r} must be at least 1")
    return values


def _split_columns(text: str, whole: str) -> tuple[str, tuple[str, ...] | None, bool]:
    start = text.find("[")
    if start < 0:
        if "]" in text:
            raise InvalidNameError(f"']' without '[' in {whole!r}")
        return text, None, False
    rest = text[text.rfind("]") + 1 :] if "]" in text else ""
    if rest.startswith(("@", "^")):
        moved = f"{text[:start]}{rest}{text[start : len(text) - len(rest)]}"
        raise InvalidNameError(f"in {whole!r} the version stands behind the columns: write {moved!r}")
    if not text.endswith("]"):
        raise InvalidNameError(f"'[' in {whole!r} is not closed by ']' at its end")
    inner = text[start + 1 : -1]
    excluding = inner.startswith("^")
    columns = _parse_columns(inner[1:] if excluding else inner)
    if not columns:
        raise InvalidNameError(f"no column between the brackets of {whole!r}")
    return text[:start], columns, excluding


def _parse_columns(inner: str) -> tuple[str, ...]:
    """Split at commas; a column whose name holds a comma or bracket is written in double quotes."""
    rows = list(csv.reader([inner], skipinitialspace=True))
    return tuple(column if '"' in inner else column.strip() for column in rows[0]) if rows and inner else ()


def _split_version(text: str, whole: str) -> tuple[str, str | None, int]:
    at = min((i for i in (text.find("@"), text.find("^")) if i >= 0), default=len(text))
    match = _VERSION.fullmatch(text[at:])
    if match is None:
        raise InvalidNameError(f"the version in {whole!r} is not of the form name@tag, name@3 or name^")
    version = match["version"]
    if version == "":
        raise InvalidNameError(f"a version or tag is missing behind '@' in {whole!r}")
    return text[:at], version, len(match["back"])
