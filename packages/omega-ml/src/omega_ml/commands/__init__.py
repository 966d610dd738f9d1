"""What can be asked of the settings, contexts and keys of a user, beside what can be asked of an Omega."""
