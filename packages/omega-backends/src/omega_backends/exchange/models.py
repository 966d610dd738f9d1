"""Models to files that other programs read."""

from __future__ import annotations

from pathlib import Path

import joblib


def write_model(model: object, path: Path) -> None:
    """Write a model to a file that ``joblib.load`` reads."""
    joblib.dump(model, path)
