"""Tasks: their records, who works on them, what they do, and what comes back."""
