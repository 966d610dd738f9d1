"""What keeps a store in order: what is alive, what is collected, what is damaged."""
