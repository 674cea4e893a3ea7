"""Every HTTP route of ArtStore in one process, for ``chalice local``.

Each function deploys on its own (infra/template.yaml); this serves them together against a running stack.
"""

from artstore.http import create_app
from functions.auth import app as auth
from functions.maintenance import app as maintenance
from functions.query import app as query
from functions.storage_events.webhook import app as webhook
from functions.upload import app as upload
from functions.upload.documents import app as documents

app = create_app(
    "local",
    (
        *auth.ENDPOINTS,
        *upload.ENDPOINTS,
        *documents.ENDPOINTS,
        *query.ENDPOINTS,
        *maintenance.ENDPOINTS,
        *webhook.ENDPOINTS,
    ),
)
