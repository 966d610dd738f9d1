"""How the tests are run: what they need, in which order, how they end, and what they leave behind."""
