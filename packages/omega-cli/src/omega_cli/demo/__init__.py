"""The story that ``om demo`` tells: a model for real data, from CSV files to predictions in production."""

from __future__ import annotations
