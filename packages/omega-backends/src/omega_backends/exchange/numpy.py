"""Arrays in files that other programs read and write: ``.npy``."""

from __future__ import annotations

from typing import IO, Any

import numpy as np

from omega_domain.errors import UnsupportedObjectError


def read_array(file: IO[bytes], name: str) -> np.ndarray[Any, Any]:
    """Return the array that a ``.npy`` file holds.

    Raises:
        UnsupportedObjectError: it holds none, or one of Python objects, which are pickles.
    """
    try:
        array: np.ndarray[Any, Any] = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UnsupportedObjectError(
            f"{name} can not be read as npy: {error}; mend it, or put it as it is by --format file"
        ) from error
    return array
