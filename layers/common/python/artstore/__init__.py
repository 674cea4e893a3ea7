"""What at least two functions of ArtStore need, and nothing else."""
