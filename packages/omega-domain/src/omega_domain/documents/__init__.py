"""Documents as MongoDB understands them, in plain Python.

Every adapter answers a query as this package does: the in-memory collections run it, the embedded ones check with it
what their database found.
"""

from __future__ import annotations

from omega_domain.documents.changes import (
    Change,
    apply_changes,
    apply_update,
    check_update,
    clean_changes,
    compile_projection,
    new_document,
    project,
)
from omega_domain.documents.matching import (
    check_sort,
    check_window,
    compile_filter,
    equalities,
    index_name,
    matches,
    resolve,
    sort_documents,
    sort_key,
)
from omega_domain.documents.narrowing import both, condition_on, narrowed
from omega_domain.documents.results import Deleted, Inserted, Updated
from omega_domain.documents.values import Document, clean, identical, order

__all__ = [
    "Change",
    "Deleted",
    "Document",
    "Inserted",
    "Updated",
    "apply_changes",
    "apply_update",
    "both",
    "check_sort",
    "check_update",
    "check_window",
    "clean",
    "clean_changes",
    "compile_filter",
    "compile_projection",
    "condition_on",
    "equalities",
    "identical",
    "index_name",
    "matches",
    "narrowed",
    "new_document",
    "order",
    "project",
    "resolve",
    "sort_documents",
    "sort_key",
]
