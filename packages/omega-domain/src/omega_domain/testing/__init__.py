"""Contracts that prove an adapter or a backend: classes of pytest tests, hypothesis state machines, fault injection.

By capability:

* stores: ``metadata``, ``store`` with ``files`` and ``collection``, ``stateful``, ``processes``, ``clocks``,
  ``losses``;
* named objects: ``omega_store``, ``names``, ``archives``, ``trust``, ``keys``;
* failures: ``faults``, ``atomicity``, ``pausing``;
* backends: ``backend``; tasks: ``task_queue``, ``canvas``, ``router``, ``logbook``;
* what they share: ``samples``, ``backends``, ``models``.
"""

from __future__ import annotations

from pathlib import Path

# Modules that moved are still found under their former names.
__path__ = [*__path__, str(Path(__file__).parent / "former")]
