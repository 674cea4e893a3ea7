"""What has happened to a document."""
