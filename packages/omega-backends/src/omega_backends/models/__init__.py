"""What models of every library share: signatures, results, arguments, and the one place that unpickles."""
