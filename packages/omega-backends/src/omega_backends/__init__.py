"""How each type of object is stored and run: one library a module, imported on first use."""
