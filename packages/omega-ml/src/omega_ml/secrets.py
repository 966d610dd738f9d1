"""References to secrets: text in place of a password in a setting, which is looked up when a store is opened.

There is one syntax, for a whole setting and for a piece of a URL: ``${env:NAME}`` is a variable of the environment,
``${file:/path}`` the content of a file, ``${keyring:SERVICE/USER}`` a password of the keyring of the user's desktop.
A bare ``file:/path`` would be taken for the URL of a store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")
_UNBRACKETED: Final = re.compile(r"(?:env|keyring):[^{}\s]+")
_VARIABLE: Final = re.compile(r"[A-Za-z_]\w*")
_MENDS: Final = "write ${env:NAME}, ${file:/path} or ${keyring:SERVICE/USER}"
_LONGEST: Final = 1 << 16


def refers(value: Any) -> bool:
    """Tell whether a text refers to a secret, or any text inside a table or list does."""
    return any(_REFERENCE.search(text) for text in _texts(value))


def check(value: Any) -> None:
    """Check that all references are well formed, without looking anything up.

    Raises:
        ValueError: one is not, or stands without its brackets.
    """
    for text in _texts(value):
        if _UNBRACKETED.fullmatch(text):
            raise ValueError(f"a reference to a secret has brackets: write ${{{text}}}")
        for found in _REFERENCE.finditer(text):
            _checked(found)


def references(value: Any) -> list[tuple[str, str]]:
    """Return where the references of a text, table or list lead: to ``env``, ``file`` or ``keyring``, and to what.

    Raises:
        ValueError: one is malformed.
    """
    return [_checked(found) for text in _texts(value) for found in _REFERENCE.finditer(text)]


def resolve(value: Any, environ: Mapping[str, str]) -> Any:
    """Return a value with the secrets that its references stand for.

    What becomes part of a URL as a user, a password or an option is escaped as URLs need it.

    Raises:
        ValueError: something is not there, or can not be read; the message names the reference, never the secret.
    """
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _placed(found, _look_up(found, environ)), value)
    if isinstance(value, Mapping):
        return {name: resolve(item, environ) for name, item in value.items()}
    return [resolve(item, environ) for item in value] if isinstance(value, list) else value


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [text for item in items for text in _texts(item)]


def _checked(found: re.Match[str]) -> tuple[str, str]:
    """Return where a reference leads: to the environment, a file or the keyring, and what it names there."""
    place, colon, name = found[1].partition(":")
    if not colon and _VARIABLE.fullmatch(place):
        raise ValueError(f"{found[0]} does not say where {place} is: write ${{env:{place}}}")
    if place not in _LOOK_UPS:
        raise ValueError(f"{found[0]} is no reference to a secret: {_MENDS}")
    if place == "env" and not _VARIABLE.fullmatch(name):
        raise ValueError(f"{found[0]} does not name a variable of the environment: write ${{env:NAME}}")
    if place == "file" and not name.startswith(("/", "~/")):
        raise ValueError(f"{found[0]} does not name a file by its whole path: write ${{file:/path}}")
    if place == "keyring" and not all(name.rpartition("/")[::2]):
        raise ValueError(f"{found[0]} does not name a service and a user: write ${{keyring:SERVICE/USER}}")
    return place, name


def _look_up(found: re.Match[str], environ: Mapping[str, str]) -> str:
    place, name = _checked(found)
    secret = _LOOK_UPS[place](name, environ)
    if not secret:
        raise ValueError(f"{found[0]} is empty: put the secret there, or change the reference")
    return secret


def _placed(found: re.Match[str], secret: str) -> str:
    """Escape a secret that becomes part of a URL, but for the hosts and the database of one."""
    before, behind = found.string[: found.start()], _REFERENCE.sub("", found.string[found.end() :])
    is_login = "@" in behind.partition("?")[0]
    is_option = "?" in _REFERENCE.sub("", before)
    return quote(secret, safe="") if "://" in before and (is_login or is_option) else secret


def _of_environment(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise ValueError(f"the variable {name} of the environment is not set: set it, or change ${{env:{name}}}")
    return environ[name]


def _of_file(name: str, environ: Mapping[str, str]) -> str:  # noqa: ARG001 -- all are called alike
    try:
        with Path(name).expanduser().open(encoding="utf-8") as file:
            secret = file.read(_LONGEST + 1)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"${{file:{name}}} can not be read: {reason}; mend the file or the reference") from error
    except UnicodeDecodeError:
        raise ValueError(f"${{file:{name}}} is no text: name a file that holds the secret alone") from None
    if len(secret) > _LONGEST:
        raise ValueError(f"${{file:{name}}} is too long for a secret: name a file that holds the secret alone")
    return secret.removesuffix("\n").removesuffix("\r")


def _of_keyring(name: str, environ: Mapping[str, str]) -> str:  # noqa: ARG001 -- all are called alike
    service, _, user = name.rpartition("/")
    try:
        keyring: Any = import_module("keyring")
    except ImportError as error:
        raise ValueError(
            f"${{keyring:{name}}} needs the library keyring: run `pip install keyring`, or {_MENDS}"
        ) from error
    try:
        secret: str | None = keyring.get_password(service, user)
    except Exception as error:
        raise ValueError(f"${{keyring:{name}}} can not be read: {type(error).__name__}; unlock the keyring") from error
    if secret is None:
        raise ValueError(f"${{keyring:{name}}} is not in the keyring: run `keyring set {service} {user}`")
    return secret


_LOOK_UPS: Final[Mapping[str, Callable[[str, Mapping[str, str]], str]]] = {
    "env": _of_environment,
    "file": _of_file,
    "keyring": _of_keyring,
}
