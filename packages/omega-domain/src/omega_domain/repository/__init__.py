"""Named objects: their heads, versions and payloads, and how a write becomes visible."""
