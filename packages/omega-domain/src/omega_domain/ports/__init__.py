"""What an adapter has to answer."""
