"""Servers that tests start, and the ways to them that can be cut."""
