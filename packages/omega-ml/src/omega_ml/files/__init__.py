"""Files that steer omega-ml: who can have written them, and which of others the user has allowed."""
