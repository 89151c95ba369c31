"""The one account that a page is narrowed to, if it is."""

from blueport.server.dashboard.pages import Asked, NothingHereError
from blueport.server.operating import service as operating
from blueport.server.operating.queries import AccountName, AccountRow
from blueport.server.store.tx import Tx


def accounts_for(tx: Tx, asked: Asked) -> list[AccountRow]:
    """Return all accounts, for the filter above a page.

    Raises:
        NothingHereError: The page is narrowed to one that does not exist.
    """
    accounts = operating.accounts(tx)
    if asked.account is not None and asked.account not in [account.id for account in accounts]:
        raise NothingHereError
    return accounts


def owner_for(accounts: list[AccountName], asked: Asked) -> AccountName | None:
    """Return whose something new is to be: the account that is named, or the only one; None if it is to be chosen.

    Raises:
        NothingHereError: There is no such account.
    """
    if asked.account is None:
        return accounts[0] if len(accounts) == 1 else None
    found = next((each for each in accounts if each.id == asked.account), None)
    if found is None:
        raise NothingHereError
    return found
