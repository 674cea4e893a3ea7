"""Benchmarks: each case beside its floor, the least work that must be done, measured in the same run."""
