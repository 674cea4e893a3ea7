"""The application of changes to documents that are there: a function of its own, since it may do what uploads may
not."""

from __future__ import annotations

from artstore.http import create_app
from functions.upload.documents import finalizing_routes, routes

ENDPOINTS = (*routes.ENDPOINTS, *finalizing_routes.ENDPOINTS)

app = create_app("documents", ENDPOINTS)
