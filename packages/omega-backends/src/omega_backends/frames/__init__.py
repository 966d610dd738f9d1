"""Frames as segments of Parquet: what describes them, how they are written, filtered and read."""
