"""The backend of the kind ``ndarray.bin``: numpy arrays as ``.npy``, which is never a pickle."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.version import Payload
from omega_domain.errors import CorruptPayloadError, UnsupportedObjectError
from omega_domain.ports.backend import SupportsSummary
from omega_domain.ports.store import SupportsLocalPath

if TYPE_CHECKING:
    import numpy as np

    from omega_domain.entities.version import Part
    from omega_domain.ports.objects import StoredObject


class NdarrayBackend(BaseDataBackend, SupportsSummary):
    """Stores a numpy array, dtype, shape and memory order included.

    ``get(..., mmap=True)`` maps the array into memory where the store keeps it as a file of this machine: it is
    read-only, and only what is used is read; the SHA-256 is not verified then. Arrays of Python objects are refused.
    """

    KIND: ClassVar[str] = "ndarray.bin"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is an array; not a masked array, matrix or record array, which would come back as such."""
        numpy = sys.modules.get("numpy")
        return numpy is not None and type(obj) in {numpy.ndarray, numpy.memmap}

    def put(self, obj: np.ndarray[Any, Any], name: str) -> StoredObject:
        """Store an array.

        Raises:
            UnsupportedObjectError: its dtype can not be kept.
        """
        import numpy as np  # noqa: PLC0415 -- supports() must be quick without numpy

        _refuse_dtype(obj.dtype, name)
        array = np.asarray(obj)
        version = (1, 0) if array.dtype.names is None else (3, 0)  # names of fields may be any text, from 3.0 on
        part = self.data_store.payloads.write(
            lambda file: np.lib.format.write_array(file, array, version, allow_pickle=False)
        )
        facts = {"dtype": str(obj.dtype), "shape": list(obj.shape)}
        return self.data_store.make_metadata(name, self.KIND).set_payload(Payload([part], facts)).save()

    def get(self, name: str, *, mmap: bool = False) -> np.ndarray[Any, Any]:
        """Return the array.

        Args:
            name: name of the object.
            mmap: map it into memory instead of reading it, where the store can.

        Raises:
            CorruptPayloadError: it was damaged.
        """
        import numpy as np  # noqa: PLC0415 -- loaded when needed

        (part,) = self.data_store.resolve(name).parts
        mapped = self._map(part) if mmap else None
        if mapped is not None:
            return mapped
        with self.data_store.payloads.read_once(part) as file:
            array: np.ndarray[Any, Any] = np.lib.format.read_array(file, allow_pickle=False)
            return array

    def summary(self, name: str) -> dict[str, Any]:
        """Return dtype and shape."""
        return dict(self.data_store.resolve(name).kind_meta)

    def _map(self, part: Part) -> np.ndarray[Any, Any] | None:
        """Return the array mapped into memory; None if the store has no files of this machine."""
        import numpy as np  # noqa: PLC0415 -- loaded when needed

        files = self.data_store.context.store.files
        if not isinstance(files, SupportsLocalPath):
            return None
        path = files.local_path(part.ref)
        if path.stat().st_size != part.size:
            raise CorruptPayloadError(f"the array in blob {part.ref[:12]}… has another size than when it was put")
        return np.lib.format.open_memmap(path, mode="r")


def _refuse_dtype(dtype: np.dtype[Any], name: str) -> None:
    """Refuse what ``.npy`` can hold only as a pickle, or brings back as something else."""
    problem = None
    if dtype.hasobject:
        problem = "its values are Python objects; convert them, or put a DataFrame or a list"
    elif dtype != _as_read(dtype):
        problem = "a .npy file does not keep this dtype (nor metadata of one); convert it by astype()"
    if problem:
        raise UnsupportedObjectError(f"{name!r} can not be put: an array of dtype {dtype}: {problem}")


def _as_read(dtype: np.dtype[Any]) -> object:
    import numpy as np  # noqa: PLC0415 -- loaded when needed

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy warns of what it does not keep
        try:
            return np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(dtype))
        except (TypeError, ValueError, UserWarning):
            return None
