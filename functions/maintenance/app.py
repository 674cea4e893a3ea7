"""Routes of maintenance."""

from __future__ import annotations

from artstore.http import create_app
from functions.maintenance.elements import routes as element_routes
from functions.maintenance.jobs import routes as job_routes
from functions.maintenance.sweeps import routes as sweep_routes

ENDPOINTS = (
    *job_routes.ENDPOINTS,
    *element_routes.ENDPOINTS,
    *sweep_routes.ENDPOINTS,
)

app = create_app("maintenance", ENDPOINTS)
