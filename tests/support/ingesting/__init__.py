"""Archives that documents arrive in, and that other tools disturb."""
