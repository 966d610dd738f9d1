"""What users hold, and what works for it, over the ports."""
