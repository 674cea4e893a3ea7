"""What is done while the index is away."""
