"""Malformed URLs with a secret in them, for tests that see that no message tells it."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

__all__ = ["SECRET", "malformed_urls"]

#: It is part of each password, so it is what no message may hold.
SECRET: Final = "hunter2xyz"  # noqa: S105 -- it is what must not be told

_SIGNS: Final = ":/@?=&;,.#%[]()\\ \t\"'-_+*!$|~<>{}é℀"
_SCHEMES: Final = ("mongodb", "mongodb+srv", "amqp", "redis", "rediss", "valkey", "sentinel", "amqps", "postgresql")
_FORMS: Final = (
    "{scheme}://ada:{password}@host:27017/db",
    "{scheme}://:{password}@host/0",
    "{scheme}://ada:{password}@a:1,b:2/db?w=1&authSource=admin",
    "{scheme}://host/db?password={password}&w=1",
    "{scheme}://host/db?w=1&accessToken={password}",
    "{scheme}://ada:{password}@host/db?tlsCertificateKeyFilePassword={password}",
    "{scheme}://ada:{password}@one:1;{scheme}://ada:{password}@two:2",
)


@st.composite
def malformed_urls(draw: st.DrawFn, *, changes: int = 1) -> str:
    """Draw a URL with a secret in it, in which some signs are missing, doubled, exchanged or added.

    The secret stays, and so does a sign before it: nobody can tell ``user`` and ``password`` from ``userpassword``.

    Args:
        draw: given by hypothesis.
        changes: how many signs are changed at most.
    """
    sign = draw(st.sampled_from(("", *_SIGNS.replace("@", ""))))  # a password ends at the last @
    password = f"{SECRET}{sign}{SECRET}"
    form = draw(st.sampled_from(_FORMS))
    signs = list(form.replace("{scheme}", draw(st.sampled_from(_SCHEMES))).replace("{password}", "\0"))
    for _ in range(draw(st.integers(0, changes))):
        _change(draw, signs)
    return "".join(signs).replace("\0", password)


def _change(draw: st.DrawFn, signs: list[str]) -> None:
    places = [i for i, sign in enumerate(signs) if sign != "\0"]
    place = draw(st.sampled_from(places))
    is_before_secret = signs[place + 1 : place + 2] == ["\0"]
    what = draw(
        st.sampled_from(("exchange", "double", "add") if is_before_secret else ("drop", "exchange", "double", "add"))
    )
    new = draw(st.sampled_from([sign for sign in _SIGNS if sign not in "-_.+%" or not is_before_secret]))
    changed = {"drop": [], "exchange": [new], "double": [signs[place]] * 2, "add": [new, signs[place]]}[what]
    signs[place : place + 1] = changed
