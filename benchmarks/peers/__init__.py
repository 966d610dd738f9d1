"""Comparisons with other systems, each in an environment of its own with omega-ml: ``make peers P=mlflow``."""
