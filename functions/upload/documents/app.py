"""The application of changes to documents that are there: a function of its own, since it may do what uploads may
not."""

from __future__ import annotations

from artstore.http import create_app
from functions.upload.documents import finalizing_routes, routes
from functions.upload.retention import routes as retention_routes

ENDPOINTS = (*routes.ENDPOINTS, *finalizing_routes.ENDPOINTS, *retention_routes.ENDPOINTS)

app = create_app("documents", ENDPOINTS)
