"""Service accounts: who may ask for tokens, and the administration of them."""
