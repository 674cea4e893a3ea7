"""Events that were given up: showing them, and sending them back."""
