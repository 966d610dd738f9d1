"""Logs of users and of tasks: written in batches, kept with the data, read by filters."""
