"""Readers of formats, one a module; see ``contract`` and ``registry``."""
