"""Loading models and functions: the only module that does. They are code, so it is called for trusted payloads only.

:meth:`omega_domain.repository.metadata.Metadata.open_trusted` sees that somebody trusted has signed what is loaded, and
compares its SHA-256 with that in the manifest of its version, before it hands out the file.
"""

from __future__ import annotations

import pickle
from typing import Any

import joblib

from omega_backends.models.pickles import Packed
from omega_domain.errors import CorruptPayloadError, UnsupportedOptionError, UntrustedObjectError
from omega_domain.ports.environment import TrustedContent, TrustedFile

HOLDS_NO_FILES = "The format skops holds no such parameter: take it out of the model"
NEEDS_SKOPS = "format='skops' needs skops: pip install 'omega-backends[skops]'"


def load_joblib(trusted: TrustedFile) -> Any:
    """Return the object in a file that joblib, or any pickler, wrote.

    Raises:
        CorruptPayloadError: it can not be loaded here; the message says what failed.
    """
    try:
        return joblib.load(trusted.file)
    except Exception as error:
        raise _not_loaded(trusted.name, error) from error


def load_pickle(trusted: TrustedContent[Packed]) -> Any:
    """Return the object in a file of the format ``pickle``, see :mod:`omega_backends.models.pickles`.

    Raises:
        CorruptPayloadError: it can not be loaded here; the message says what failed.
    """
    try:
        return pickle.loads(trusted.unpacked.pickle, buffers=trusted.unpacked.arrays)  # noqa: S301 -- it is trusted
    except Exception as error:
        raise _not_loaded(trusted.name, error) from error


def load_skops(trusted: TrustedFile) -> Any:
    """Return the model in a file that skops wrote; no code of the file is run.

    Raises:
        UntrustedObjectError: it holds types that skops does not trust, or parameters that have to do with files.
        CorruptPayloadError: it can not be loaded here; the message says what failed.
        UnsupportedOptionError: skops is not installed.
    """
    from omega_backends.models.files_named import named_files  # noqa: PLC0415 -- it loads scikit-learn and pandas

    name = trusted.name
    try:
        import skops.io  # noqa: PLC0415 -- an extra
        import skops.io.exceptions  # noqa: PLC0415 -- loaded when needed
    except ImportError as error:
        raise UnsupportedOptionError(f"{name!r} can not be loaded: {NEEDS_SKOPS}") from error
    try:
        model = skops.io.load(trusted.file, trusted=list(trusted.types))
    except skops.io.exceptions.UntrustedTypesFoundException as error:
        raise UntrustedObjectError(f"{name!r} was not loaded: {error}. Put it again from where you trust it") from error
    except Exception as error:
        raise _not_loaded(name, error) from error
    if doubt := next(named_files(model), ""):
        raise UntrustedObjectError(f"{name!r} was not loaded: {doubt}. {HOLDS_NO_FILES}, and put it again")
    return model


def _not_loaded(name: str, error: Exception) -> CorruptPayloadError:
    return CorruptPayloadError(
        f"{name!r} can not be loaded: {type(error).__name__}: {error}. Install the packages that it was stored "
        "with, in these versions (see its metadata), or put it again"
    )
