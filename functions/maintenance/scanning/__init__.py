"""Having a scanner look at documents that are there."""
