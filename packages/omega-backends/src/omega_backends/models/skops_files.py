"""Models in the format of skops, which holds no code. skops is an extra.

:mod:`omega_backends.models.unpickle` loads them.
"""

from __future__ import annotations

from collections.abc import Iterable

from sklearn.base import BaseEstimator

from omega_backends.models.files_named import named_files
from omega_backends.models.unpickle import HOLDS_NO_FILES, NEEDS_SKOPS
from omega_domain.errors import UnsupportedObjectError, UnsupportedOptionError


def to_skops(model: BaseEstimator, name: str, types: Iterable[str]) -> bytes:
    """Return a model in the format of skops.

    Raises:
        UnsupportedObjectError: skops can not hold it, or would not load it again.
        UnsupportedOptionError: skops is not installed.
    """
    try:
        import skops.io  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise UnsupportedOptionError(f"{name!r} can not be put: {NEEDS_SKOPS}") from error
    if doubt := next(named_files(model), ""):
        raise UnsupportedObjectError(f"{name!r} can not be put as skops: {doubt}. {HOLDS_NO_FILES}, or use joblib")
    try:
        data: bytes = skops.io.dumps(model)
        unknown = [found for found in skops.io.get_untrusted_types(data=data) if found not in set(types)]
    except Exception as error:
        raise UnsupportedObjectError(f"{name!r} can not be put as skops: {error}; use format='joblib'") from error
    if unknown:
        raise UnsupportedObjectError(
            f"{name!r} can not be put as skops, which does not trust: {', '.join(unknown)}; use format='joblib', "
            "or name these in the setting trusted_types"
        )
    return data
