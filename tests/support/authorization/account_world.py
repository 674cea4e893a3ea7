"""A deployment's service accounts in memory, administered over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from artstore.cursors import CursorSealer
from artstore.errors import Unauthenticated
from artstore.http import create_app
from artstore.http.app import ArtStoreApp
from artstore.security import Principal
from functions.auth.accounts import routes as account_routes
from functions.auth.accounts.administration import AccountAdministration
from functions.auth.accounts.directory import AccountDirectory
from functions.auth.accounts.table import make_secret
from functions.auth.permissions import permitted_scopes
from functions.auth.secrets import SecretVerifier
from tests.fakes.memory_accounts import MemoryAccounts, MemoryAudit, MemoryRevocations
from tests.support.gateway import Answer, call

ROOT, READER = "sa_root", "sa_reader"
ACCOUNTS = "/api/v1/service-accounts"
START = datetime(2026, 11, 21, 12, tzinfo=UTC)
LIFETIME = timedelta(days=90)


class World:
    """A deployment in memory, the system administrator in it, and a clock to set."""

    def __init__(self) -> None:
        self.now = START
        self.spaces = {"press", "legal"}
        self.accounts = MemoryAccounts()
        self.audit = MemoryAudit()
        self.revocations = MemoryRevocations()
        self.add(ROOT, role="ADMIN", is_system=True, username="admin")
        self.add(READER, role="READONLY")
        self.app: ArtStoreApp = create_app("unit-accounts", account_routes.ENDPOINTS, self.authenticate)
        self.administration = AccountAdministration(
            accounts=self.accounts,
            audit=self.audit,
            revocations=self.revocations,
            bcrypt_cost=4,
            secret_lifetime=LIFETIME,
            space_exists=self.spaces.__contains__,
            clock=lambda: self.now,
        )
        self.directory = AccountDirectory(self.accounts, CursorSealer(lambda: [b"unit"]))

    def authenticate(self, token: str) -> Principal:
        """Let a token be the name of the account it was issued to."""
        account = self.accounts.find(token)
        if account is None:
            raise Unauthenticated("unknown", code="invalid_token")
        return Principal(token, account.username, frozenset(permitted_scopes(account)))

    def add(self, client_id: str, **attributes: Any) -> None:
        defaults = {
            "username": client_id,
            "role": "USER",
            "secrets": [make_secret(f"{client_id}-secret", 4, START, LIFETIME)],
            "created_at": "2026-11-21T12:00:00.000Z",
        }
        self.accounts.put(self.accounts.new(client_id, **{**defaults, **attributes}))

    def send(
        self,
        method: str,
        path: str = "",
        payload: object = None,
        *,
        by: str = ROOT,
        **headers: str,
    ) -> Answer:
        parts = path.partition("?")[0].split("/")
        resource = ACCOUNTS + "/".join(["", "{client_id}", *parts[2:]] if len(parts) > 1 else parts)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return call(self.app, method, ACCOUNTS + path, resource, token=by, payload=payload, headers=sent)

    def create(self, **fields: Any) -> dict[str, Any]:
        answer = self.send("POST", payload={"name": "robot", "role": "USER"} | fields)
        assert answer.status == 201, answer.text
        created: dict[str, Any] = answer.json
        return created

    def patch(self, client_id: str, if_match: str = "*", /, by: str = ROOT, **fields: Any) -> Answer:
        return self.send("PATCH", f"/{client_id}", fields, by=by, If_Match=if_match)

    def delete(self, client_id: str, if_match: str = "*", by: str = ROOT) -> Answer:
        return self.send("DELETE", f"/{client_id}", by=by, If_Match=if_match)

    def rotate(self, client_id: str, by: str = ROOT, **fields: Any) -> Answer:
        return self.send("POST", f"/{client_id}/rotate-secret", fields, by=by)

    def logs_in(self, client_id: str, secret: str) -> bool:
        account = self.accounts.find(client_id)
        assert account is not None
        hashes = account.usable_hashes(self.now.timestamp()) if account.status == "ACTIVE" else []
        return SecretVerifier(4).verify(client_id, secret, hashes) is not None
