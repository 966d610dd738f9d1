"""The core of omega-ml: entities, ports, rooms and in-memory adapters, on the standard library alone."""
