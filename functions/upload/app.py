"""Routes of the write side."""

from __future__ import annotations

from artstore.http import create_app
from functions.upload.elements import routes as element_routes
from functions.upload.spaces import routes as space_routes
from functions.upload.uploads import routes as upload_routes
from functions.upload.uploads import transfer_routes

ENDPOINTS = (
    *upload_routes.ENDPOINTS,
    *transfer_routes.ENDPOINTS,
    *element_routes.ENDPOINTS,
    *space_routes.ENDPOINTS,
)

app = create_app("upload", ENDPOINTS)
