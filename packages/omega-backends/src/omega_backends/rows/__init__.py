"""Frames as documents, one a row."""
