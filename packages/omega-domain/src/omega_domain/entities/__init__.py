"""What the core speaks of: frozen dataclasses, no I/O."""
