"""Documents in memory that are changed, and what may stop in the middle of it."""
