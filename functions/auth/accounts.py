"""Service accounts in their table."""

from __future__ import annotations

from datetime import UTC, datetime

from pynamodb.exceptions import PutError

from artstore.security import Role
from artstore.tables import ServiceAccount, bind, reaching_dynamodb
from functions.auth.secrets import hash_secret


class ServiceAccounts:
    """The accounts of one deployment."""

    def __init__(self, prefix: str) -> None:
        """Use the accounts table of the deployment ``prefix``."""
        self._table = bind(ServiceAccount, prefix)

    def find(self, client_id: str) -> ServiceAccount | None:
        """Read one account, consistently, so that a rotated secret is known at once; one GetItem."""
        with reaching_dynamodb():
            try:
                account: ServiceAccount = self._table.get(client_id, consistent_read=True)
            except self._table.DoesNotExist:
                return None
        return account

    def find_system_administrator(self) -> ServiceAccount | None:
        """Find the first administrator. Reads the whole table: for deployment, never for a request."""
        with reaching_dynamodb():
            return next(iter(self._table.scan(self._table.is_system == True)), None)  # noqa: E712  # an expression

    def create_system_administrator(self, client_id: str, secret: str, bcrypt_cost: int) -> bool:
        """Create the first administrator; False when an account of that id is there already."""
        account = self._table(
            client_id,
            username="admin",
            description="First administrator, made at deployment",
            role=str(Role.ADMIN),
            status="ACTIVE",
            is_system=True,
            secret_hashes=[hash_secret(secret, bcrypt_cost)],
            created_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        )
        with reaching_dynamodb():
            try:
                account.save(condition=self._table.client_id.does_not_exist())
            except PutError as error:
                if error.cause_response_code == "ConditionalCheckFailedException":
                    return False
                raise
        return True
