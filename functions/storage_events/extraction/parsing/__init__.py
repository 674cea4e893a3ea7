"""What readers of several formats share: charsets, XML, pages, packages."""
