"""Doctor: looks for what is wrong with an installation, its settings and its store, and says how to mend it."""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from omega_domain.errors import ClockError, KeysError, OmegaError
from omega_domain.omega import Omega
from omega_domain.ports.diagnosis import SupportsDiagnosis, Symptom
from omega_ml.composition import key_ring, open_omega
from omega_ml.setting_forms import FORMS
from omega_ml.settings import Settings, environment_name

PACKAGES = (
    "omega-ml",
    "omega-domain",
    "omega-backends",
    "omega-local",
    "omega-cli",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
)
OPTIONAL = ("omega-mongo", "pymongo", "pymongoarrow", "omega-celery", "celery")


def examine(load: Callable[[], Settings]) -> Iterator[Symptom]:
    """Look at everything, one thing after another; what depends on something that failed is left out.

    Args:
        load: returns the settings to examine, or raises what is wrong with them.
    """
    yield _python()
    yield from _packages()
    yield from _variables()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            settings = load()
            omega = open_omega(settings)
            failed = ""
        except OmegaError as error:
            failed = str(error)
    yield from (Symptom("settings", "warning", str(each.message), "see the message") for each in said)
    if failed:
        yield Symptom("settings", "failed", failed, "see `om config show --help` and the message")
        return
    files = ", ".join(map(str, settings.files)) or "no omega.toml"
    yield Symptom("settings", "ok", f"context {settings.context.value!r}, bucket {settings.bucket.value!r}, {files}")
    yield from _keys(settings)
    yield from _store(omega)
    yield from _runtime(omega)
    yield from _backends(omega)


def _python() -> Symptom:
    return Symptom("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _packages() -> Iterator[Symptom]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            yield Symptom("packages", "warning", f"{name} is not installed", f"pip install {name}")
    for name in OPTIONAL:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    yield Symptom("packages", "ok", ", ".join(f"{name} {number}" for name, number in found.items()))


def _variables() -> Iterator[Symptom]:
    known = {environment_name(name) for name in FORMS}
    for name in sorted(os.environ):
        if name.startswith("OMEGA_") and name not in known:
            remedy = f"unset it, or use one of {', '.join(sorted(known))}"
            yield Symptom("environment", "warning", f"{name} sets nothing", remedy)


def _keys(settings: Settings) -> Iterator[Symptom]:
    try:
        key_ring(settings).known()
    except KeysError as error:
        yield Symptom("keys", "failed", str(error), "see the message")


def _store(omega: Omega) -> Iterator[Symptom]:
    url = omega.context.store.url
    if isinstance(omega.context.store, SupportsDiagnosis):
        symptoms = list(omega.context.store.diagnose())
        yield from symptoms
        if any(symptom.what == "server" and symptom.state == "failed" for symptom in symptoms):
            return
    try:
        buckets = omega.buckets
        yield Symptom("store", "ok", f"{url} can be read: {len(buckets)} bucket(s)")
        omega.datasets.fs.put(b"")
        yield Symptom("store", "ok", f"{url} can be written")
        omega.context.check_clock()
    except ClockError as error:
        yield Symptom("clock", "failed", str(error), "set the clock of this machine by NTP")
    except (OmegaError, OSError) as error:
        yield Symptom("store", "failed", str(error), "see the message; `om config show` tells where the store is set")
        return
    damage = [finding for finding in omega.check(deep=False) if finding.severity == "damage"]
    if damage:
        yield Symptom("store", "failed", f"damaged in {len(damage)} place(s): {damage[0].what}", "run `om fsck`")


def _runtime(omega: Omega) -> Iterator[Symptom]:
    if not isinstance(omega.queue, SupportsDiagnosis):
        yield Symptom("runtime", "ok", "tasks run in this process")
        return
    try:
        yield from omega.queue.diagnose()
    except OmegaError as error:
        yield Symptom("workers", "failed", str(error), "see what is said of the store")


def _backends(omega: Omega) -> Iterator[Symptom]:
    loaded = []
    for kind in omega.context.registry.kinds:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                omega.context.registry.by_kind(kind)
                loaded.append(kind)
            except OmegaError as error:
                detail = str(said[-1].message if said else error)
                yield Symptom("backends", "failed", detail, "install or upgrade the package that brings it")
    yield Symptom("backends", "ok", ", ".join(loaded) or "none")
