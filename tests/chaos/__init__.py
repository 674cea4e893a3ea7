"""The whole stack while everything around it breaks; ``make test-chaos``."""
