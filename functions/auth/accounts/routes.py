"""Routes of the service accounts, all with the scope ``accounts:admin``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from artstore.http import Reply, Request, endpoint
from artstore.http.idempotency import IDEMPOTENCY_KEY, idempotency_key
from artstore.http.preconditions import IF_MATCH, OPTIONAL_IF_MATCH, optional_if_match, require_if_match
from artstore.security import Principal, Scope
from artstore.tables import ServiceAccount
from functions.auth import dependencies
from functions.auth.accounts.acts import Actor
from functions.auth.accounts.models import (
    Account,
    AccountChange,
    AccountList,
    AccountQuery,
    AccountRequest,
    AccountWithSecret,
    RotationRequest,
)
from functions.auth.accounts.views import etag, show
from functions.auth.secrets import CLIENT_ID, MAX_CLIENT_ID_CHARACTERS

_ACCOUNTS = "/api/v1/service-accounts"
_ACCOUNT = f"{_ACCOUNTS}/{{client_id}}"

ClientId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_CLIENT_ID_CHARACTERS,
        pattern=CLIENT_ID,
        description="printable ASCII characters without spaces",
    ),
]


@endpoint(
    "POST",
    _ACCOUNTS,
    scope=Scope.ACCOUNTS_ADMIN,
    status=201,
    summary="Create a service account",
    headers=(IDEMPOTENCY_KEY,),
    repeated_status=200,
    etag=True,
    error_statuses=(409,),
)
def create_service_account(body: AccountRequest, caller: Principal, request: Request) -> Reply[AccountWithSecret]:
    """Create an account and show its secret, this once.

    An account with jwks gets no secret; it authenticates by private_key_jwt (RFC 7523). With an Idempotency-Key,
    the same request under the same key is answered 200 with the account that was made and without its secret;
    another request under it is 409. Who lost the answer rotates the secret.
    """
    created = dependencies.account_administration().create(body, _actor(caller, request), idempotency_key(request))
    account = _with_secret(created.account, created.secret)
    headers = {"Location": f"service-accounts/{account.client_id}"} | _headers(created.account)
    return Reply(account, headers, 200 if created.repeated else None)


@endpoint("GET", _ACCOUNTS, scope=Scope.ACCOUNTS_ADMIN, summary="List and search service accounts")
def list_service_accounts(query: AccountQuery) -> Reply[AccountList]:
    """List accounts, in no order of meaning; the deleted ones only when asked for by their status."""
    return Reply(dependencies.account_directory().page(query), {"Cache-Control": "no-store"})


@endpoint(
    "GET",
    _ACCOUNT,
    scope=Scope.ACCOUNTS_ADMIN,
    summary="Show a service account",
    etag=True,
    error_statuses=(404,),
)
def show_service_account(client_id: ClientId) -> Reply[Account]:
    """Show an account, a deleted one too; ETag is what If-Match is compared with."""
    return _reply(dependencies.account_directory().find(client_id))


@endpoint(
    "PATCH",
    _ACCOUNT,
    scope=Scope.ACCOUNTS_ADMIN,
    summary="Change a service account",
    headers=(IF_MATCH,),
    etag=True,
    error_statuses=(404, 409, 412, 428),
)
def change_service_account(
    client_id: ClientId, body: AccountChange, caller: Principal, request: Request
) -> Reply[Account]:
    """Change what the body names; needs If-Match. Members that are absent stay, null takes a value away.

    Suspending an account, or taking scopes or spaces from it, revokes its tokens. The system account keeps its
    role, status, scopes and spaces, and the last active administrator cannot be removed.
    """
    precondition = require_if_match(request)
    administration = dependencies.account_administration()
    return _reply(administration.change(client_id, body, precondition, _actor(caller, request)))


@endpoint(
    "DELETE",
    _ACCOUNT,
    scope=Scope.ACCOUNTS_ADMIN,
    summary="Delete a service account",
    headers=(OPTIONAL_IF_MATCH,),
    etag=True,
    error_statuses=(404, 409, 412),
)
def delete_service_account(client_id: ClientId, caller: Principal, request: Request) -> Reply[Account]:
    """Delete an account and revoke its tokens. It is kept, and can be restored.

    If-Match is honoured when it is there.
    """
    precondition = optional_if_match(request)
    return _reply(dependencies.account_administration().delete(client_id, precondition, _actor(caller, request)))


@endpoint(
    "POST",
    f"{_ACCOUNT}/restore",
    scope=Scope.ACCOUNTS_ADMIN,
    summary="Restore a deleted service account",
    headers=(OPTIONAL_IF_MATCH,),
    etag=True,
    error_statuses=(404, 409, 412),
)
def restore_service_account(client_id: ClientId, caller: Principal, request: Request) -> Reply[Account]:
    """Make a deleted account what it was, active or suspended. Tokens from before stay revoked.

    If-Match is honoured when it is there.
    """
    precondition = optional_if_match(request)
    return _reply(dependencies.account_administration().restore(client_id, precondition, _actor(caller, request)))


@endpoint(
    "POST",
    f"{_ACCOUNT}/rotate-secret",
    scope=Scope.ACCOUNTS_ADMIN,
    summary="Replace the secret of a service account",
    headers=(OPTIONAL_IF_MATCH,),
    etag=True,
    error_statuses=(404, 409, 412),
)
def rotate_service_account_secret(
    client_id: ClientId, body: RotationRequest, caller: Principal, request: Request
) -> Reply[AccountWithSecret]:
    """Make a new secret and show it, this once; the present one stays valid for overlap_hours.

    An account has two secrets at most: a third one ends the oldest at once. Without an overlap the account's
    tokens are revoked too. If-Match is honoured when it is there.
    """
    account, secret = dependencies.account_administration().rotate_secret(
        client_id, timedelta(hours=body.overlap_hours), optional_if_match(request), _actor(caller, request)
    )
    return Reply(_with_secret(account, secret), _headers(account))


ENDPOINTS = (
    create_service_account,
    list_service_accounts,
    show_service_account,
    change_service_account,
    delete_service_account,
    restore_service_account,
    rotate_service_account_secret,
)


def _actor(caller: Principal, request: Request) -> Actor:
    return Actor(caller.client_id, request.source_ip, request.request_id)


def _reply(account: ServiceAccount) -> Reply[Account]:
    return Reply(show(account), _headers(account))


def _headers(account: ServiceAccount) -> dict[str, str]:
    return {"ETag": etag(account), "Cache-Control": "no-store"}


def _with_secret(account: ServiceAccount, secret: str | None) -> AccountWithSecret:
    return AccountWithSecret(**msgspec.structs.asdict(show(account)), client_secret=secret)
