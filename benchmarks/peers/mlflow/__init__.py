"""Comparisons with MLflow, on its SQLite store."""
