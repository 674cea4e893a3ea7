"""How one run of the tests is divided among workers, and what they share."""
