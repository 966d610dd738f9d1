"""Contracts that prove an adapter or a backend: classes of pytest tests, hypothesis state machines, fault injection."""
