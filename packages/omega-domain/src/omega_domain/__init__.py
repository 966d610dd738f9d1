"""The core of omega-ml: entities, ports, services and in-memory adapters, on the standard library alone."""
