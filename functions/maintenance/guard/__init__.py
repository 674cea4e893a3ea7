"""What storage itself refuses in each storage element: derived from the registry, put into bucket policies."""
