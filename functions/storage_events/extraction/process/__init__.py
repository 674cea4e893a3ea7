"""The processes that read strangers' documents: a clean helper, and in it a confined child a document."""
