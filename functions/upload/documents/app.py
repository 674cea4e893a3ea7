"""Routes of changes to documents that are there: a function of its own, since it may do what uploads may not."""

from __future__ import annotations

from artstore.http import Endpoint, create_app

ENDPOINTS: tuple[Endpoint, ...] = ()

app = create_app("documents", ENDPOINTS)
