"""Loading pickles: the only module that does. What it loads is code, so it is called for verified payloads only.

:meth:`omega_domain.services.payload.Payloads.open` compares the SHA-256 of a payload with that in the manifest of its
version before it hands out the file.
"""

from __future__ import annotations

from typing import IO, Any

import joblib

from omega_domain.errors import CorruptPayloadError


def load_joblib(file: IO[bytes], name: str) -> Any:
    """Return the object in a verified file that joblib wrote.

    Raises:
        CorruptPayloadError: it can not be loaded here; the message says what failed.
    """
    try:
        return joblib.load(file)
    except Exception as error:
        raise CorruptPayloadError(
            f"{name!r} can not be loaded: {type(error).__name__}: {error}. Install the packages that it was stored "
            "with, in these versions (see its metadata), or put it again"
        ) from error
