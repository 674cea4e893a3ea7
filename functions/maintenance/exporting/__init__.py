"""Documents on their way out of the archive, in a form that others read."""
