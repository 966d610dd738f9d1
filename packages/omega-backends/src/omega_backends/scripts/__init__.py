"""Packages and scripts: how their source is read, kept and loaded."""
