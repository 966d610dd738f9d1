"""Arguments of tasks on scikit-learn models: what may go to a method, or be tried by a grid search.

A task comes from whoever can submit one, and some parameters of scikit-learn are code in disguise: ``memory`` names a
folder from which joblib unpickles. So there is a list of what is allowed, not of what is known to do harm: plain data
anywhere, and text only where it can not name a file.
"""

from __future__ import annotations

import inspect
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn

import numpy as np
import pandas as pd

from omega_domain.errors import UnsupportedOptionError

SEARCH: Final = "gridsearch"
#: Arguments of the backend's own methods, which do not reach scikit-learn as they are.
OWN: Final = frozenset({"rName", "pure_python", "parameters"})
#: Parameters that read files or unpickle them, whatever their values look like.
MEMORY: Final = "memory"
INPUT: Final = "input"
#: Third-party estimators take paths by such names.
OF_FILES: Final = re.compile(
    r"(^|_)(memory|cache|cache_?dir|dir|directory|file|filename|files|folder|location|path|uri|url)$"
)
MOST_JOBS: Final = 64
MOST_VERBOSE: Final = 50

_NUMBERS: Final = "biuf"
_DATED: Final = "mM"
#: Arguments whose texts are data.
_LABELS: Final = frozenset({"classes", "groups", "labels", "y_val"})
#: Parameters of estimators that are checked as the options of a search are.
_SAME: Final = frozenset({"n_jobs", "pre_dispatch"})
_STEPS: Final = frozenset({"passthrough", "drop"})
_DISPATCH: Final = re.compile(r"all|(\d{1,3} ?\* ?)?n_jobs")
_DATA: Final = "numbers, True, False, None, and lists, dicts or arrays of these"
_NOTHING: Final = inspect.Parameter.empty

Fits = Callable[[str], bool]


def check_arguments(name: str, action: str, kwargs: Mapping[str, Any]) -> None:
    """Raise if no model could be given these arguments by a task; the model is not needed.

    Args:
        name: name of the model, for messages.
        action: what is to be done.
        kwargs: the arguments.

    Raises:
        UnsupportedOptionError: one of them is not allowed.
    """
    if action == SEARCH:
        check_search(name, kwargs)
        for key, value in _candidates(name, kwargs.get("parameters") or {}):
            _check_candidate(name, key, value, fits=lambda _: True, fits_inside=lambda _: True)
        return
    for key, value in kwargs.items():
        if key not in OWN:
            _check_value(name, action, key, value, fits=lambda _: True)


def check_method(model: Any, name: str, action: str, kwargs: Mapping[str, Any]) -> None:
    """Raise if a method of a model may not be called with these arguments.

    Args:
        model: the model.
        name: its name, for messages.
        action: the method.
        kwargs: the arguments behind the data.

    Raises:
        UnsupportedOptionError: the method does not take one of them, or it is neither plain data, nor text where the
            method's default is a text.
    """
    if not kwargs:
        return
    takes = inspect.signature(getattr(model, action)).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    for key, value in kwargs.items():
        if key not in takes and not takes_all:
            known = ", ".join(list(takes)[1:]) or "nothing"
            why = f"{action}() of a {type(model).__name__} takes beside the data: {known}"
            raise UnsupportedOptionError(f"{action} of {name!r} can not be given {key}: {why}")
        default = takes[key].default if key in takes else _NOTHING
        is_text = key.rpartition("__")[2] in _LABELS or isinstance(default, str)
        _check_value(name, action, key, value, fits=lambda _, is_text=is_text: is_text)  # type: ignore[misc]  # bound


def check_search(name: str, kwargs: Mapping[str, Any]) -> None:
    """Raise if a grid search may not be given these options of GridSearchCV.

    Raises:
        UnsupportedOptionError: an option or its value is not among those that are allowed.
    """
    for key, value in kwargs.items():
        if key in OWN:
            continue
        if key not in _OPTIONS:
            raise UnsupportedOptionError(f"gridsearch of {name!r} does not take {key}; it takes {', '.join(_OPTIONS)}")
        allowed, is_allowed = _OPTIONS[key]
        if not is_allowed(value):
            raise UnsupportedOptionError(
                f"gridsearch of {name!r} can not be given {key}={reprlib.repr(value)}; it may be {allowed}"
            )


def check_grid(model: Any, name: str, parameters: Any) -> None:
    """Raise if a grid search may not try these values on a model.

    Args:
        model: the model.
        name: its name, for messages.
        parameters: a dict of values to try by the name of a parameter, or a list of such.

    Raises:
        UnsupportedOptionError: the model has no such parameter, or a value is neither plain data, nor text where the
            parameter takes text that is no path.
    """
    present = model.get_params(deep=True)
    for key, value in _candidates(name, parameters):
        inner, _, last = key.rpartition("__")
        owner = present.get(inner) if inner else model
        if owner is None or isinstance(owner, str) or not (key in present or last in _defaults(owner)):
            _refuse_candidate(name, key, value, f"a {type(model).__name__} has no such parameter here")
        texts = _Texts(owner, last, present.get(key))
        _check_candidate(name, key, value, fits=texts.takes, fits_inside=texts.takes_inside)


class _Texts:
    """Which texts a parameter of an estimator takes.

    Text may go where text is already, or is the default. Where None is, nothing tells a choice such as ``balanced``
    from a path, so the constraints decide by which scikit-learn itself checks parameters.
    """

    def __init__(self, owner: Any, last: str, present: Any) -> None:
        self._last = last
        self._present = present
        self._known = (present, _defaults(owner).get(last))
        self._constraints = _constraints(owner, last)

    def takes(self, text: str) -> bool:
        """Tell whether it takes this text."""
        if self._last == INPUT and text != "content":
            return False  # vectorizers read the files that the data name
        if hasattr(self._present, "get_params"):
            return text in _STEPS
        chosen = any(each is str or text in getattr(each, "options", ()) for each in self._constraints)
        return chosen or any(isinstance(known, str) for known in self._known)

    def takes_inside(self, _: str) -> bool:
        """Tell whether it takes lists with text in them."""
        listed = any(each is list or each is tuple or each == "array-like" for each in self._constraints)
        return listed or any(isinstance(known, list | tuple) for known in self._known)


def _constraints(owner: Any, last: str) -> list[Any]:
    found = getattr(type(owner), "_parameter_constraints", {}).get(last, [])  # a payload may set one on the object
    if found == "no_validation":  # of scikit-learn's own, these are dtypes and what to fill in
        return [str] if type(owner).__module__.startswith("sklearn.") else []
    return list(found)


def _defaults(owner: Any) -> dict[str, Any]:
    parameters = inspect.signature(type(owner).__init__).parameters
    return {name: each.default for name, each in parameters.items() if each.default is not _NOTHING}


def _candidates(name: str, parameters: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name of a parameter and a value to try, for each."""
    for grid in parameters if isinstance(parameters, list | tuple) else [parameters]:
        if not isinstance(grid, Mapping):
            raise UnsupportedOptionError(
                f"gridsearch of {name!r} needs parameters={{'name': [values, …]}} or a list of such dicts"
            )
        for key, values in grid.items():
            if not isinstance(values, list | tuple | range | np.ndarray | pd.Series | pd.Index):
                _refuse_candidate(name, key, values, "the values to try are no list")
            for value in values:
                yield str(key), value


def _check_candidate(name: str, key: str, value: Any, *, fits: Fits, fits_inside: Fits) -> None:
    last = key.rpartition("__")[2]
    is_of_files = OF_FILES.search(last) is not None
    if last == MEMORY:
        _refuse_candidate(name, key, value, "what is kept in a folder is code that nobody has signed")
    if last in _SAME and not _OPTIONS[last][1](value):
        _refuse_candidate(name, key, value, f"it may be {_OPTIONS[last][0]}")
    fit = fits if isinstance(value, str) else fits_inside
    if not _is_plain(value, fits=lambda text: not is_of_files and fit(text)):
        _refuse_candidate(
            name,
            key,
            value,
            f"a task may try {_DATA}, and text where the model has text, or where scikit-learn lists it as a choice. "
            f"Put the model with a text for {key} first, if it takes any",
        )


def _refuse_candidate(name: str, key: object, value: Any, why: str) -> NoReturn:
    raise UnsupportedOptionError(f"gridsearch of {name!r} can not try {key}={reprlib.repr(value)}: {why}")


def _check_value(name: str, action: str, key: str, value: Any, *, fits: Fits) -> None:
    is_of_files = OF_FILES.search(key.rpartition("__")[2]) is not None
    if is_of_files or not _is_plain(value, fits=fits):
        raise UnsupportedOptionError(
            f"{action} of {name!r} can not be given {key}={reprlib.repr(value)}: a task may give {_DATA}, and text "
            "only as labels or where the method's default is a text. Set it in the model before you put that"
        )


def _is_plain(value: Any, *, fits: Fits) -> bool:
    """Tell whether a value is plain data, and all text in it fits."""
    if isinstance(value, str):
        return fits(value)
    if value is None or isinstance(value, bool | int | float | range | pd.DataFrame | pd.Series | pd.Index):
        return True
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in _NUMBERS + _DATED or _is_plain(value.tolist(), fits=fits)
    if isinstance(value, Mapping):
        return all(_is_plain(item, fits=lambda _: False) for item in value.values())
    return isinstance(value, list | tuple | set | frozenset) and all(_is_plain(item, fits=fits) for item in value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count_of_jobs(value: Any) -> bool:
    return value is None or (_is_whole(value) and 0 < abs(value) <= MOST_JOBS)


def _are_texts(value: Any) -> bool:
    items = list(value.values()) if isinstance(value, Mapping) else value
    return isinstance(items, list | tuple) and all(isinstance(item, str) for item in items)


def _is_split(value: Any) -> bool:
    return (
        value is None
        or _is_whole(value)
        or (isinstance(value, list | tuple) and _is_plain(value, fits=lambda _: False))
    )


#: Options of GridSearchCV that a task may give: what they may be, for messages and for programs.
_OPTIONS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "cv": ("a whole number, or a list of pairs of indexes", _is_split),
    "scoring": (
        "the name of a scorer, or several",
        lambda value: value is None or isinstance(value, str) or _are_texts(value),
    ),
    "refit": ("True, or the name of the scorer that decides", lambda value: isinstance(value, bool | str)),
    "error_score": ("a number, or 'raise'", lambda value: isinstance(value, int | float) or value == "raise"),
    "return_train_score": ("True or False", lambda value: isinstance(value, bool)),
    "n_jobs": (f"None, or a whole number up to {MOST_JOBS}", _is_count_of_jobs),
    "verbose": (
        f"a whole number from 0 to {MOST_VERBOSE}",
        lambda value: isinstance(value, int) and 0 <= value <= MOST_VERBOSE,
    ),
    "pre_dispatch": (
        "a whole number, 'all', or a multiple such as '2*n_jobs'",
        lambda value: (_is_whole(value) and value > 0) or (isinstance(value, str) and bool(_DISPATCH.fullmatch(value))),
    ),
}
