"""Every error that omega-ml raises on purpose, as one tree.

::

    OmegaError
    ├── ObjectNotFoundError (LookupError)
    │   ├── VersionNotFoundError
    │   └── ColumnNotFoundError
    ├── InvalidNameError (ValueError)
    ├── InvalidFilterError (ValueError)
    ├── InvalidTagError (ValueError)
    ├── InvalidRightError (ValueError)
    ├── UnsupportedObjectError (TypeError)
    ├── UnsupportedOptionError (TypeError)
    ├── UnsupportedActionError (NotImplementedError)
    ├── UnknownKindError (ValueError)
    ├── SchemaMismatchError (ValueError)
    ├── ConflictError (RuntimeError)
    │   └── StaleMetadataError
    ├── ClockError (RuntimeError)
    ├── StoreError (OSError)
    │   ├── StoreUnavailableError
    │   ├── StoreFullError
    │   ├── StoreReadOnlyError (PermissionError)
    │   ├── StoreFormatError
    │   ├── BlobNotFoundError (FileNotFoundError)
    │   ├── StoreDamagedError
    │   ├── DuplicateDocumentError
    │   └── CorruptPayloadError
    ├── TaskError (RuntimeError)
    │   ├── TaskFailedError
    │   ├── TaskTimeoutError (TimeoutError)
    │   ├── TaskTimeLimitError (TimeoutError)
    │   ├── TaskCancelledError
    │   ├── WorkerLostError
    │   ├── MissingRequirementError (ImportError)
    │   ├── BrokerUnavailableError (ConnectionError)
    │   └── NoWorkerError
    ├── CodecError (TypeError)
    ├── UntrustedObjectError (RuntimeError)
    ├── KeysError (RuntimeError)
    ├── PromotionError (RuntimeError)
    │   └── PromotionRefusedError
    ├── ArchiveError (ValueError)
    ├── ProtectedContextError (PermissionError)
    ├── PluginError (RuntimeError)
    └── SettingsError (ValueError)

Each inherits from :class:`OmegaError` and from the builtin that callers of a dict, a file or a
function would expect. Messages name the object and say what to do.
"""

from __future__ import annotations

from typing import Any


class OmegaError(Exception):
    """Root of all errors raised by omega-ml."""


class ObjectNotFoundError(OmegaError, LookupError):
    """The named object does not exist in this bucket."""


class VersionNotFoundError(ObjectNotFoundError):
    """The object exists, the asked version or tag does not."""


class ColumnNotFoundError(ObjectNotFoundError):
    """The object exists, the asked column does not."""


class InvalidNameError(OmegaError, ValueError):
    """The name breaks the grammar of names."""


class InvalidFilterError(OmegaError, ValueError):
    """The filter has an unknown operator or a value that does not fit the column."""


class InvalidTagError(OmegaError, ValueError):
    """The tag can not be told from a version number or breaks the grammar of names."""


class InvalidRightError(OmegaError, ValueError):
    """The text breaks the grammar of rights."""


class UnsupportedObjectError(OmegaError, TypeError):
    """No backend stores this object, or the object holds something its backend can not keep."""


class UnsupportedOptionError(OmegaError, TypeError):
    """The backend of this object does not know the given option."""


class UnsupportedActionError(OmegaError, NotImplementedError):
    """The backend of this object, or the runtime that was asked, has no such action."""


class UnknownKindError(OmegaError, ValueError):
    """No backend is registered for this kind."""


class SchemaMismatchError(OmegaError, ValueError):
    """The appended data does not fit the object that is there."""


class ConflictError(OmegaError, RuntimeError):
    """Other writers changed the object again and again; nothing was written."""


class StaleMetadataError(ConflictError):
    """Somebody else changed the same attribute since this metadata was read."""


class ClockError(OmegaError, RuntimeError):
    """The clock of this machine is too far from the store's to write or to collect; nothing was changed."""


class StoreError(OmegaError, OSError):
    """The store failed."""


class StoreUnavailableError(StoreError):
    """The store can not be reached or opened."""


class StoreFullError(StoreError):
    """The disk or quota of the store is full; nothing was changed."""


class StoreReadOnlyError(StoreError, PermissionError):
    """The store may be read but not written."""


class StoreFormatError(StoreError):
    """The store was written by a newer version of omega-ml."""


class BlobNotFoundError(StoreError, FileNotFoundError):
    """A payload is gone; ``om fsck`` tells more."""


class StoreDamagedError(StoreError):
    """The heads and versions that name payloads were lost; nothing was removed."""


class DuplicateDocumentError(StoreError):
    """A document with this ``_id`` exists in the collection."""


class CorruptPayloadError(StoreError):
    """A payload or manifest does not match its recorded SHA-256."""


class TaskError(OmegaError, RuntimeError):
    """A runtime task could not be submitted or did not succeed."""


class TaskFailedError(TaskError):
    """The task raised an error that can not be rebuilt here; message and traceback are the worker's."""


class TaskTimeoutError(TaskError, TimeoutError):
    """The result was not there in the given time; the task goes on."""


class TaskTimeLimitError(TaskError, TimeoutError):
    """The task took longer than it was given, and was ended."""


class TaskCancelledError(TaskError):
    """The task was cancelled."""


class WorkerLostError(TaskError):
    """The worker that ran the task died, again and again."""


class MissingRequirementError(TaskError, ImportError):
    """A script needs packages that are not installed where it should run."""


class BrokerUnavailableError(TaskError, ConnectionError):
    """The broker of messages can not be reached; nothing was submitted."""


class NoWorkerError(TaskError):
    """No live worker serves the required label."""


class CodecError(OmegaError, TypeError):
    """A value can not travel to or from the runtime."""


class UntrustedObjectError(OmegaError, RuntimeError):
    """A payload that could run code when it is loaded was not loaded."""


class PromotionError(OmegaError, RuntimeError):
    """The promotion could not be done; the target is unchanged."""


class PromotionRefusedError(PromotionError):
    """Gates refused the promotion; ``plan`` holds what each of them says."""

    def __init__(self, message: str, plan: Any = None) -> None:
        super().__init__(message)
        self.plan = plan


class ArchiveError(OmegaError, ValueError):
    """An archive or backup can not be written, or is damaged; the objects that were there are unchanged."""


class ProtectedContextError(OmegaError, PermissionError):
    """The context is protected, and nobody agreed to change it; nothing was changed."""


class PluginError(OmegaError, RuntimeError):
    """An entry point could not be loaded, or two claim the same kind."""


class KeysError(OmegaError, RuntimeError):
    """A key is missing, malformed or can be read by others."""


class SettingsError(OmegaError, ValueError):
    """A setting is missing, unknown or of the wrong form."""
