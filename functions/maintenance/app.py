"""Routes of maintenance."""

from __future__ import annotations

from artstore.http import create_app
from functions.maintenance.exporting import routes as export_routes
from functions.maintenance.fixity import routes as fixity_routes
from functions.maintenance.jobs import routes as job_routes
from functions.maintenance.migrating import routes as migrate_routes
from functions.maintenance.reconciling import routes as reconcile_routes
from functions.maintenance.redriving import routes as redriving_routes
from functions.maintenance.reindexing import routes as reindex_routes
from functions.maintenance.scanning import routes as scan_routes
from functions.maintenance.sweeps import routes as sweep_routes

ENDPOINTS = (
    *job_routes.ENDPOINTS,
    *fixity_routes.ENDPOINTS,
    *migrate_routes.ENDPOINTS,
    *reconcile_routes.ENDPOINTS,
    *reindex_routes.ENDPOINTS,
    *sweep_routes.ENDPOINTS,
    *redriving_routes.ENDPOINTS,
    *export_routes.ENDPOINTS,
    *scan_routes.ENDPOINTS,
)

app = create_app("maintenance", ENDPOINTS)
