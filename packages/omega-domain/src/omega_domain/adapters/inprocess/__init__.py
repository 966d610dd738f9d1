"""The runtime of this process: the same task envelope and codec as a cluster, executed here."""
