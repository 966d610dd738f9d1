"""What the bars of the project are, and what is measured: ``python -m benchmarks [NAME …]``."""
