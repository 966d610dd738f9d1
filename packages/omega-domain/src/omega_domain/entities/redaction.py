"""Redaction: text for people without the secrets in it. What can not be told from a secret is hidden, too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

HIDDEN: Final = "***"

#: Text in place of a secret: ``${env:NAME}``.
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
#: What stands for a reference while the text around it is looked at.
_MARK: Final = re.compile(r"\0(\d+)\0")
_SCHEMES: Final = (
    r"mongodb(?:\+srv)?|amqps?|pyamqp|rediss?|valkeys?|sentinel|filesystem|file|memory|sqs|kafka|https?|ftps?|s3|"
    r"postgres\w*|mysql\w*|mssql\w*|oracle\w*|snowflake"
)
_KNOWN: Final = re.compile(rf"(?i)({_SCHEMES})://")
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?:(?P<user>[^:@?\s]*)(?::(?P<password>.*))?@)?"
    r"(?P<place>[^@?\s]*)"
    r"(?P<options>\?[^@\s]*)?",
    re.DOTALL,
)
_USER: Final = re.compile(r"[\w.%+-]*|\0\d+\0")
#: Without a password behind it, other signs than letters may stand where a colon was meant.
_USER_ALONE: Final = re.compile(r"\w*|\0\d+\0")
_OPEN_VALUE: Final = re.compile(r"[\w.,:/%+~ -]*")
#: Hosts and a path. A port is a number: what else stands behind a colon may be a password whose @ is missing.
_PLACE: Final = re.compile(
    r"(?:(?:[\w.-]|\0\d+\0)+|\[[\da-fA-F:.]*\])?(?::(?:\d{0,5}|\0\d+\0))?"
    r"(?:,(?:(?:[\w.-]|\0\d+\0)+|\[[\da-fA-F:.]*\])(?::(?:\d{0,5}|\0\d+\0))?)*"
    r"(?:/(?:[\w.~%/+-]|\0\d+\0)*)?"
)
#: Hosts and a path behind a password that was found.
_PLACE_BEHIND: Final = re.compile(r"(?:[\w.~%/+,:\[\]-]|\0\d+\0)*")
_OPTION_WITH_LOGIN: Final = re.compile(r"[?&;][^=&;@]*=.*@", re.DOTALL)
_FOLDER: Final = re.compile(r"file:///.*|filesystem:///.*", re.DOTALL)

#: Names of what is secret; what ends in "file" names one.
_SECRET_NAME: Final = re.compile(r"(?i)(?:pass|pwd|secret|token|key|credential|mechanismproperties)(?!\w*file\b)")
_SECRET_OPTION: Final = re.compile(r"(?i)[a-z_]*(?:password|secret|token|key|mechanismproperties)[a-z_]*")
_SECRET_TEXT: Final = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?)['\"]?\s*[=:]|PRIVATE KEY"
)
#: A reference without its brackets.
_BARE: Final = re.compile(r"(?:env|keyring):[\w/.-]+")
_SCHEME_TYPED: Final = re.compile(rf"(?i)\W*(?:{_SCHEMES})\s*[:;/\\]")
_LOGIN: Final = re.compile(r"[:=]\S.*@", re.DOTALL)
_SLASHED: Final = re.compile(r":\s*[/\\]|^\W*//")
_IS_PATH: Final = re.compile(r"[/~.]")

#: Options whose values are no secrets, in lower case without underscores: those of MongoClient and of Celery.
_OPEN_OPTIONS: Final = re.compile(
    r"""
    appname | authmechanism | authsource | cacerts | certfile | certreqs | compressors | confirmpublish
    | connect | connecttimeoutms | directconnection | enableutc | fsync | healthcheckinterval | heartbeat
    | heartbeatfrequencyms | j | journal | keyfile | loadbalanced | localthresholdms | mastername
    | maxconnecting | maxconnections | maxidletimems | maxpoolsize | maxstalenessseconds | minpoolsize
    | prioritysteps | proxyhost | proxyport | queueorderstrategy | readconcernlevel | readpreference
    | replicaset | retryontimeout | retryreads | retrywrites | serverhostname | servermonitoringmode
    | serverselectiontimeoutms | socketconnecttimeout | socketkeepalive | sockettimeout | sockettimeoutms
    | srvmaxhosts | srvservicename | ssl | sslcacerts | sslcertfile | sslcertreqs | sslcheckhostname
    | sslkeyfile | timeoutms | timezone | tls | tlsallowinvalidcertificates | tlsallowinvalidhostnames
    | tlscafile | tlscertificatekeyfile | tlscrlfile | tlsdisableocspendpointcheck | tlsinsecure | tzaware
    | unicodedecodeerrorhandler | username | uuidrepresentation | virtualhost | visibilitytimeout | w
    | waitqueuetimeoutms | wtimeout | wtimeoutms | zlibcompressionlevel
    """,
    re.VERBOSE,
)
_OPEN_PREFIXES: Final = ("worker", "task", "broker", "event", "control", "beat")
_WORDS: Final[Mapping[Any, str]] = {None: "-", True: "true", False: "false"}


class Options(dict[str, Any]):
    """Options by name, as a setting holds them; their values are shown only where they are known to be no secrets."""

    def __repr__(self) -> str:
        return f"Options({redacted_options(self)})"


def redacted(text: str) -> str:
    """Return a text without passwords and secret options; references to secrets, and other text, as they are.

    A password is taken to end at the last ``@``, so that one that should have been escaped is hidden, too.
    """
    return _around_references(text, _redacted)


def redacted_url(text: str) -> str:
    """Return text that is meant as a URL, without its secrets; if it is malformed, without whatever could be one."""
    return _around_references(text, _redacted_url)


def redacted_in(message: str, texts: Iterable[str]) -> str:
    """Return a message in which the texts that it quotes are redacted, such as the arguments of a command."""
    quoted = {piece for text in texts for piece in (text, text.partition("=")[2])}
    for text in sorted(quoted, key=len, reverse=True):
        if (shown := redacted(text)) != text:
            message = message.replace(text, shown).replace(repr(text)[1:-1], shown)
    return message


def redacted_options(options: Mapping[str, Any]) -> str:
    """Return options as text; values are hidden unless their names are known to be those of no secrets."""
    return ", ".join(f"{name}={_option(str(name), value)}" for name, value in options.items()) or "-"


def redacted_json(text: str) -> str:
    """Return options that are written as JSON, as text without secrets."""
    try:
        options = json.loads(text)
    except ValueError:
        return HIDDEN
    return redacted_options(options) if isinstance(options, dict) else HIDDEN


def holds_secret(text: str) -> bool:
    """Tell whether there is a password or a secret option in a text, or something that can not be told from one."""
    return _around_references(text, lambda marked: HIDDEN if _holds_secret(marked) else "") == HIDDEN


def _holds_secret(text: str) -> bool:
    found = _URL.fullmatch(text)
    if found is None or _FOLDER.fullmatch(text) or not _USER.fullmatch(found["user"] or ""):
        return _redacted(text) != text
    options = re.findall(r"[?&;]([^=&;]*)=([^&;]*)", found["options"] or "")
    given = [found["password"], *(value for name, value in options if _SECRET_NAME.search(name))]
    return any(secret and not _MARK.fullmatch(secret) for secret in given) or (
        found["password"] is None and not _PLACE.fullmatch(found["place"])
    )


def _around_references(text: str, redact: Callable[[str], str]) -> str:
    if "\0" in text:
        return HIDDEN
    references = _REFERENCE.findall(text)
    numbers = iter(range(len(references)))
    shown = redact(_REFERENCE.sub(lambda _: f"\0{next(numbers)}\0", text))
    return _MARK.sub(lambda found: references[int(found[1])], shown)


def _redacted(text: str) -> str:
    if "://" in text:
        return _redacted_url(text)
    is_path = _IS_PATH.match(text) and not _SLASHED.search(text)
    doubts = (
        _LOGIN.search(text) and not is_path,
        "@" in text and _SLASHED.search(text),
        _SCHEME_TYPED.match(text),
        _SECRET_TEXT.search(text),
    )
    return HIDDEN if any(doubts) else text


def _redacted_url(text: str) -> str:
    if _MARK.fullmatch(text) or _BARE.fullmatch(text) or re.fullmatch(r"[\w-]*", text):
        return text
    if _FOLDER.fullmatch(text):
        return text if not _SLASHED.search(text.partition(":///")[2]) else HIDDEN
    found = _URL.fullmatch(text)
    if found is None or _OPTION_WITH_LOGIN.search(text) or not _is_told_apart(found):
        known = _KNOWN.match(text)
        return f"{known[1]}://{HIDDEN}" if known else HIDDEN
    password = found["password"]
    shown = "" if password is None else f":{_kept(password)}"
    login = "" if found["user"] is None else f"{found['user']}{shown}@"
    return f"{found['scheme']}://{login}{found['place']}{_query(found['options'] or '')}"


def _is_told_apart(found: re.Match[str]) -> bool:
    if found["password"] is not None:
        return bool(_USER.fullmatch(found["user"]) and _PLACE_BEHIND.fullmatch(found["place"]))
    return bool(_USER_ALONE.fullmatch(found["user"] or "") and _PLACE.fullmatch(found["place"]))


def _query(options: str) -> str:
    """Return the options of a URL; the names, too, are hidden where there is no value."""
    return re.sub(r"([?&;])([^=&;]*)(=?)([^&;]*)", _query_option, options)


def _query_option(found: re.Match[str]) -> str:
    sign, name, equals, value = found.groups()
    is_open = _is_open(name)
    if not equals or not (is_open or _SECRET_OPTION.fullmatch(name)):
        return f"{sign}{HIDDEN}" if name or equals else sign  # the name may be a part of a secret that has a sign in it
    return f"{sign}{name}={value if is_open and _OPEN_VALUE.fullmatch(value) else _kept(value)}"


def _option(name: str, value: Any) -> str:
    is_reference = isinstance(value, str) and _REFERENCE.fullmatch(value)
    if _SECRET_NAME.search(name) and not is_reference:
        return HIDDEN
    if isinstance(value, Mapping):
        return f"({redacted_options(value)})"
    if isinstance(value, str) and re.search(r"(?i)url$", name):
        return redacted_url(value)
    is_plain = value is None or isinstance(value, bool) or is_reference or _is_open(name)
    is_number = isinstance(value, int | float) and name.startswith(_OPEN_PREFIXES)
    return redacted(_word(value)) if is_plain or is_number else HIDDEN


def _is_open(name: str) -> bool:
    return _OPEN_OPTIONS.fullmatch(name.replace("_", "").lower()) is not None


def _kept(value: str) -> str:
    """Return what stands for a secret: a reference as it is."""
    return value if _MARK.fullmatch(value) else HIDDEN


def _word(value: Any) -> str:
    return _WORDS[value] if value is None or isinstance(value, bool) else str(value)
