"""Arguments of tasks: how values, names and data get into an envelope, and out of it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from omega_domain.documents.codec import JsonCodec
from omega_domain.entities.names import ObjectRef
from omega_domain.entities.task import Argument
from omega_domain.errors import UnsupportedObjectError
from omega_domain.repository.context import Context
from omega_domain.tasks import parcels
from omega_domain.tasks.actions import DATA_OF

FITTED = "*"


class Arguments:
    """Encodes and decodes arguments of tasks in one bucket."""

    def __init__(self, context: Context, codec: JsonCodec, bucket: str) -> None:
        self._context = context
        self._codec = codec
        self._bucket = bucket

    def encode_call(
        self, action: str, data: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Argument, ...], dict[str, Argument]]:
        """Return the data and the further arguments of a call as arguments of a task.

        Raises:
            InvalidNameError: a name of data breaks the grammar. CodecError: something can not travel.
        """
        roles = DATA_OF.get(action)
        args: list[Argument] = []
        named: dict[str, Argument] = {}
        try:
            for position, value in enumerate(data):
                args.append(self.encode_data(value, roles[position]) if roles else self._encode_given(value))
            for name, value in kwargs.items():
                named[name] = self.encode(value)
        except BaseException:
            self.discard([*args, *named.values()])
            raise
        return tuple(args), named

    def encode_values(
        self, values: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Argument, ...], dict[str, Argument]]:
        """Return the values for a script as arguments; the last one, which is open, is for what comes before it.

        Raises:
            CodecError: something can not travel.
        """
        args: list[Argument] = []
        named: dict[str, Argument] = {}
        try:
            args += (self.encode(value) for value in values)
            named.update((name, self.encode(value)) for name, value in kwargs.items())
        except BaseException:
            self.discard([*args, *named.values()])
            raise
        return (*args, Argument("open", "forwarded")), named

    def encode(self, value: Any) -> Argument:
        """Return a value as an argument: itself if it is small, else the name of its parcel.

        Raises:
            CodecError: the value can not travel.
        """
        text = self._codec.dumps(value)
        if len(text) <= parcels.LIMIT:
            return Argument("value", text)
        return Argument("claim", parcels.put_parcel(self._context, self._bucket, text))

    def encode_data(self, data: Any, role: str) -> Argument:
        """Return data as an argument: a name, ``'*'``, or something in memory, which is kept in the store if large.

        Args:
            data: what the user gave; None if nothing.
            role: ``X`` or ``Y``.

        Raises:
            InvalidNameError: it is a text that breaks the grammar of names. CodecError: it can not travel.
        """
        if data is None:
            return Argument("open", role)
        if isinstance(data, str):
            return Argument("fitted", role) if data == FITTED else Argument("dataset", _checked(data))
        return self._put_temporary(data) if _is_surely_large(data) else self._small_or_put(data)

    def decode(self, argument: Argument) -> Any:
        """Return the value of a ``value`` or ``claim``."""
        content: str = argument.content
        is_parcel = argument.type == "claim"
        return self._codec.loads(parcels.get_parcel(self._context, self._bucket, content) if is_parcel else content)

    def discard(self, arguments: Iterable[Argument]) -> None:
        """Drop what was kept in the store for these arguments."""
        for argument in arguments:
            if argument.type in {"claim", "temporary"}:
                parcels.drop_temporary(self._context, self._bucket, argument.content)

    def _encode_given(self, value: Any) -> Argument:
        return Argument("open", "data") if value is None else self.encode(value)

    def _small_or_put(self, data: Any) -> Argument:
        text = self._codec.dumps(data)
        return Argument("value", text) if len(text) <= parcels.LIMIT else self._put_temporary(data)

    def _put_temporary(self, data: Any) -> Argument:
        """Keep data as a dataset of its own kind; if nothing stores it, as JSON."""
        name = parcels.new_name(self._context)
        try:
            parcels.reserved_store(self._context, self._bucket).put(data, name)
        except UnsupportedObjectError:
            return self.encode(data)
        return Argument("temporary", name)


def _checked(name: str) -> str:
    ObjectRef.parse(name)
    return name


def _is_surely_large(data: Any) -> bool:
    """Whether an array or frame is too large without looking closer: each of its values takes a character at least."""
    size = getattr(data, "size", None)
    return isinstance(size, int) and size > parcels.LIMIT
