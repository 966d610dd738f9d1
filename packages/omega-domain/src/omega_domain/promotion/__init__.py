"""How an object gets from one bucket or context to another: plans, gates, transfer, and the way back."""
