"""Reading service accounts: one, and all page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from artstore.cursors import CursorSealer
from artstore.errors import NotFound
from artstore.spaces import DEFAULT
from artstore.tables import ServiceAccount
from functions.auth.accounts.models import AccountList, AccountQuery
from functions.auth.accounts.views import show
from functions.auth.permissions import DELETED

_MAX_EXAMINED = 2000
"""Accounts that one page may look at; a page that finds few among so many is short."""


class ReadableAccounts(Protocol):
    """What is asked of the accounts table; see ``functions.auth.accounts.table.ServiceAccounts``."""

    def find(self, client_id: str) -> ServiceAccount | None:
        """Read one account, or None."""
        ...

    def walk(self, after: str | None = None) -> Iterator[ServiceAccount]:
        """Give all accounts, or those after one, in an order that stays."""
        ...


class AccountDirectory:
    """The accounts of one deployment, for reading."""

    def __init__(self, accounts: ReadableAccounts, cursors: CursorSealer) -> None:
        """Read ``accounts``; ``cursors`` seals where a page ended."""
        self._accounts = accounts
        self._cursors = cursors

    def find(self, client_id: str) -> ServiceAccount:
        """Give an account, a deleted one too. Raises NotFound (``account_not_found``)."""
        account = self._accounts.find(client_id)
        if account is None:
            raise NotFound("there is no such service account", code="account_not_found")
        return account

    def page(self, asked: AccountQuery) -> AccountList:
        """Give one page. Raises Invalid for a cursor of another search."""
        search = [asked.role, asked.status, asked.query, *([asked.space] if asked.space else [])]
        after = self._cursors.open(asked.cursor, search, str) if asked.cursor else None
        items: list[ServiceAccount] = []
        examined, last = 0, after
        for account in self._accounts.walk(after):
            if len(items) == asked.limit or examined == _MAX_EXAMINED:
                return AccountList([show(each) for each in items], self._cursors.seal(last, search))
            examined, last = examined + 1, account.client_id
            if _matches(account, asked):
                items.append(account)
        return AccountList([show(each) for each in items], None)


def _matches(account: ServiceAccount, asked: AccountQuery) -> bool:
    if asked.role is not None and account.role != asked.role:
        return False
    if account.status != asked.status if asked.status is not None else account.status == DELETED:
        return False
    named = {DEFAULT: None} if account.spaces is None else account.spaces
    if asked.space is not None and asked.space not in named:
        return False
    text = "\n".join((account.client_id, account.username, account.description or ""))
    return asked.query is None or asked.query.casefold() in text.casefold()
