"""Former names of modules of ``omega_domain.testing``: ``omega_domain.testing.collection_reading`` and the like."""
