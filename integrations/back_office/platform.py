"""A company's back office as one platform beside the others."""

import secrets
from dataclasses import replace
from typing import Final

from django.conf import settings
from pydantic import BaseModel, Field

from core.http import host_of
from integrations.back_office.client import (
    GET_STATUS,
    LIST_HISTORY,
    MISSING,
    BackOfficeClient,
    history_of,
    read_error,
    status_of,
)
from integrations.calls import last_values
from integrations.calls.answers import CleanFailure
from integrations.calls.operations import ENDED, Authorise, Line, System
from integrations.connections import authorisation, providers
from integrations.connections.errors import ConnectionFailed
from integrations.connections.own_servers import ADDRESS, own_system
from integrations.connections.providers import Provider
from integrations.models import ProviderAccount
from integrations.schemes import ByMethod, ClientCredentials, Secrets, Signed
from integrations.transactions.ports import TransactionPlatform
from integrations.transactions.selectors import value_of
from integrations.transactions.types import NEWEST

KEY: Final = "back_office"
TITLE: Final = "Back office"
NO_SCOPE: Final = "scope_missing"
"""The contract's code of a withdrawn scope, which is about the whole account."""
NOBODY: Final = "walker-check"
"""An id that no customer and no draft has: asked for to see whether the credentials count."""


class Credentials(BaseModel):
    """What an organisation's back office needs."""

    url: str = Field(
        pattern=ADDRESS,
        title="Address",
        description="Where the back office is, with its version: https://backoffice.example/v1.",
        json_schema_extra={"is_public": True},
    )
    client_id: str = Field(
        min_length=1,
        title="Client id",
        description="Of the client that reads transactions.",
        json_schema_extra={"is_public": True},
    )
    client_secret: str = Field(min_length=1, title="Client secret", description="Of the same client.")
    key_id: str = Field(
        min_length=1,
        max_length=100,
        title="Key id",
        description="Of the secret that signs drafts and bookings.",
        json_schema_extra={"is_public": True},
    )
    key_secret: str = Field(min_length=1, title="Signing secret", description="Of this key id.")


SCHEME: Final = ByMethod(
    reading=ClientCredentials(lambda kept: f"{address_of(kept)}/oauth/token", scope="transactions.read"),
    changing=Signed(),
)


class BackOffice(TransactionPlatform):
    """Transactions of customers."""

    key = KEY
    title = TITLE
    credentials = Credentials
    scheme = SCHEME
    webhook = "back_office_changes"
    webhook_words = (
        "Here the system posts what has changed, signed with the signing secret; Walker then discards its saved copy. "
        "Walker tells it this address when you connect."
    )

    def connect(self, credentials: Credentials, line: Line) -> BackOfficeClient:
        return BackOfficeClient(system_of(credentials.url, authorisation.authorise), line)

    def forget(self, account: ProviderAccount, transaction_id: str, customer: str) -> None:
        line = Line(account)
        last_values.forget(line, GET_STATUS, status_of(transaction_id))
        last_values.forget(line, LIST_HISTORY, history_of(customer, NEWEST))


def address_of(kept: Secrets) -> str:
    """Return the address without a slash at its end."""
    return str(kept["url"]).rstrip("/")


def system_of(url: str, authorise: Authorise) -> System:
    """Return a back office. Raises as `own_system`."""
    system = own_system(url, authorise, hosts=settings.BACK_OFFICE_HOSTS, error=read_error)
    return replace(system, ended_codes=frozenset({NO_SCOPE}))


def check(kept: Secrets, authorise: providers.Authorise) -> str:
    """Try the token and the signature, by what isn't there, and return a line (outside calls). Raises Unavailable."""
    line = Line(providers.unsaved_account(KEY, TITLE), attempts=1)
    client = BackOfficeClient(system_of(str(kept["url"]), providers.for_any(authorise)), line)
    read, signed = client.list_history(NOBODY, 1), client.cancel_draft(NOBODY, secrets.token_hex(16))
    if isinstance(read, CleanFailure) and not read.was_called:
        raise ConnectionFailed(read.code)  # why there is no token
    value_of(read)
    if not isinstance(signed, CleanFailure) or signed.code != MISSING:
        is_refused = isinstance(signed, CleanFailure) and signed.code in ("bad_signature", ENDED)
        raise ConnectionFailed("refused" if is_refused else "bad_answer")
    return f"{TITLE} · {host_of(str(kept['url']))}"


def set_webhook(account: ProviderAccount, url: str) -> None:
    """Have the back office post to an address what has changed (outside call). Raises Unavailable."""
    # One that doesn't offer it may refuse it in any way, which says nothing about the credentials.
    system = replace(system_of(str(account.credentials["url"]), authorisation.authorise), refused=None)
    value_of(BackOfficeClient(system, Line(account)).set_webhook(url, secrets.token_hex(16)))


def own_hosts() -> tuple[str, ...]:
    """Return the hosts that the operator named, which may have a private address."""
    return tuple(settings.BACK_OFFICE_HOSTS)


# In place of what connections would make of the platform: the operator may name hosts for the token endpoint.
providers.register(
    Provider(
        key=KEY,
        title=TITLE,
        credentials=Credentials,
        scheme=SCHEME,
        check=check,
        set_webhook=set_webhook,
        own_hosts=own_hosts,
    )
)
