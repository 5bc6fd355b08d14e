"""Tokens of connections: given once, renewed by one worker at a time, stored before they are used.

A vendor that rotates refresh tokens ends a consent when an old one is used again. So a worker takes the row's lease,
asks without a transaction, and stores the new refresh token under the row's lock before anybody uses its access token.
A worker that is killed between the answer and storing it loses the consent: the next one asks with the old token.
"""

import time
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from core import notices
from core.actors import system
from core.audit import chain
from core.clock import now
from core.db.locks import locked
from core.db.rows import get_row
from core.errors import Unavailable
from core.reliability import lease
from integrations.calls.rights import MANAGE, MISSING
from integrations.connections.errors import ConnectionFailed, describe
from integrations.connections.providers import Provider
from integrations.connections.token_endpoint import Tokens, ask_for_tokens
from integrations.models import ProviderAccount
from integrations.schemes import ClientCredentials, Consent, Secrets, TokenScheme, basic

ACTOR: Final = system("connections")
NOTICE: Final = "connection"
LEASE: Final = timedelta(seconds=30)
"""Longer than the token endpoint may take."""
MARGIN: Final = timedelta(seconds=60)
PATIENCE: Final = 40.0
POLL: Final = 0.05
notices.register_kind(NOTICE, "Connections", "link")


def find_usable(account_id: UUID) -> ProviderAccount:
    """Return a connection as it is now. Raises NotFound, and Unavailable "not_connected" or "expired"."""
    row = get_row(ProviderAccount, account_id, MISSING)
    if not row.is_active:
        raise Unavailable("This connection was disconnected. Reconnect it in the settings.", code="not_connected")
    if row.expired_at is not None:
        raise ConnectionFailed("expired")
    return row


def access_token(provider: Provider, scheme: TokenScheme, account_id: UUID) -> str:
    """Return an access token that counts, renewed if it is about to end (outside call, outside a transaction).

    Of several workers one renews; the others go on with the old token while it counts, else they wait. Raises
    NotFound, Unavailable, and ConnectionFailed, after which the connection has expired if only a person can mend it.
    """
    give_up = time.monotonic() + PATIENCE
    rows = ProviderAccount.objects.filter(pk=account_id)
    while True:
        row = find_usable(account_id)
        if is_fresh(row.credentials, now() + MARGIN):
            return str(row.credentials["access_token"])
        mine = lease.claim(rows, LEASE, where=Q(is_active=True, expired_at=None))
        if mine is not None and mine.credentials != row.credentials:  # renewed between our reading and our claim
            lease.release(mine)
        elif mine is not None:
            if token := renew(provider, scheme, mine):
                return token
        elif is_fresh(row.credentials, now()):
            return str(row.credentials["access_token"])
        elif time.monotonic() > give_up:
            raise ConnectionFailed("renewal_busy")
        else:
            time.sleep(POLL)


def is_fresh(kept: Secrets, moment: datetime) -> bool:
    """Return True if there is an access token that still counts at a moment."""
    ends = kept.get("access_ends")
    return bool(kept.get("access_token")) and (ends is None or float(ends) > moment.timestamp())


def renew(provider: Provider, scheme: TokenScheme, claimed: ProviderAccount) -> str:
    """Renew the tokens of a claimed row and return the access token; "" if another worker has done so.

    Outside call. Raises ConnectionFailed; the connection has then expired if only a person can mend it.
    """
    used = claimed.credentials
    try:
        found = ask_again(provider, scheme, used)
    except ConnectionFailed as problem:
        lease.release(claimed)
        if problem.is_final:
            if not expire(claimed.pk, problem, used=used):
                return ""  # what was refused is old: another worker has rotated
        else:
            note_failure(claimed.pk, problem)
        raise
    with transaction.atomic():
        row = locked(ProviderAccount, claimed.pk, MISSING)
        if basis_of(row.credentials) != basis_of(used):
            return ""  # we were slower than our lease, or somebody has connected it again
        row.credentials = with_tokens(used, found)
        row.lease_until, row.last_error, row.last_error_about = None, "", ""
        row.expires_at = ending_of(scheme, row.credentials, found)
        row.save(update_fields=["credentials", "lease_until", "last_error", "last_error_about", "expires_at"])
    return found.access


def can_renew(scheme: TokenScheme, kept: Secrets) -> bool:
    """Return True if another token can be had without a person."""
    return not isinstance(scheme, Consent) or bool(kept.get("refresh_token"))


def ask_again(provider: Provider, scheme: TokenScheme, kept: Secrets) -> Tokens:
    """Ask for tokens by what is kept of a connection (outside call). Raises ConnectionFailed."""
    if isinstance(scheme, ClientCredentials):
        form = {"grant_type": "client_credentials", **({"scope": scheme.scope} if scheme.scope else {})}
        proof = basic(str(kept[scheme.client_id]), str(kept[scheme.client_secret]))
        return ask_for_tokens(scheme.token_url(kept), form, provider.own_hosts(), proof)
    if not isinstance(scheme, Consent):
        raise TypeError(f"{scheme!r} gives no tokens")
    if not kept.get("refresh_token"):
        raise ConnectionFailed("consent_ended")
    form = {"grant_type": "refresh_token", "refresh_token": str(kept["refresh_token"])}
    found = ask_as_app(provider, scheme, form)
    require_scopes(scheme, found.scopes)
    return found


def ask_as_app(provider: Provider, scheme: Consent, form: Secrets) -> Tokens:
    """Ask for tokens as the app that the vendor knows (outside call). Raises ConnectionFailed."""
    app = scheme.app()
    proof = {"client_id": app.client_id, "client_secret": app.client_secret}
    return ask_for_tokens(scheme.token_url(), {**form, **proof}, provider.own_hosts())


def require_scopes(scheme: Consent, granted: Collection[str] | None) -> None:
    """Raise ConnectionFailed with the names of the scopes that are missing; None says nothing about them."""
    if granted is not None and (missing := [one.name for one in scheme.scopes if one.name not in granted]):
        raise ConnectionFailed("scope_missing", ", ".join(missing)[:200])


def with_tokens(kept: Secrets, found: Tokens) -> dict[str, Any]:
    """Return credentials with new tokens; without a new refresh token the old one stays."""
    ends = {"access_ends": found.ends.timestamp() if found.ends else None}
    refresh = {"refresh_token": found.refresh} if found.refresh else {}
    return {**kept, "access_token": found.access, **ends, **refresh}


def ending_of(scheme: TokenScheme, kept: Secrets, found: Tokens) -> datetime | None:
    """Return when a connection ends by itself: with its refresh token, or with a token that can't be renewed."""
    if not isinstance(scheme, Consent):
        return None
    return found.refresh_ends if kept.get("refresh_token") else found.ends


def basis_of(kept: Secrets) -> dict[str, Any]:
    """Return what tokens are renewed by: two workers with the same are at the same point."""
    return {name: value for name, value in kept.items() if name not in ("access_token", "access_ends")}


def drop_access_token(account_id: UUID, token: str) -> None:
    """Forget an access token that the system refused, unless it was renewed since; the next call gets another."""
    with transaction.atomic():
        row = locked(ProviderAccount, account_id, MISSING)
        if row.credentials.get("access_token") == token:
            row.credentials = basis_of(row.credentials)
            row.save(update_fields=["credentials"])


def expire(account_id: UUID, problem: ConnectionFailed, *, used: Secrets | None = None) -> bool:
    """Mark a connection as expired, once, and tell those who can mend it; False if there is nothing to mark.

    With `used` only if it is still what tokens are renewed by. Writes `CONNECTION_EXPIRED`. For the system.
    """
    with transaction.atomic():
        row = locked(ProviderAccount, account_id, MISSING)
        if used is not None and basis_of(row.credentials) != basis_of(used):
            return False
        if row.expired_at is not None or not row.is_active:
            return True
        moment = now()
        row.expired_at = row.last_error_at = moment
        row.last_error, row.last_error_about = problem.code, problem.about
        row.save(update_fields=["expired_at", "last_error", "last_error_about", "last_error_at"])
        notices.leave_for_permission(
            MANAGE,
            kind=NOTICE,
            title="A connection has expired",
            body=describe(problem.code, problem.about),
            link=reverse("admin:integrations_provideraccount_change", args=[row.pk]),
            level="alert",
            dedupe_key=f"{NOTICE}:{row.pk}:{moment.isoformat()}",
        )
        about = {"provider": row.provider, "error": problem.code}
        chain.note(ACTOR, "CONNECTION_EXPIRED", row, old_state=row.State.ACTIVE, new_state=row.State.EXPIRED, **about)
    return True


def note_failure(account_id: UUID, problem: ConnectionFailed) -> None:
    """Keep the last error of a connection for its page."""
    said = {"last_error": problem.code[:60], "last_error_about": problem.about, "last_error_at": now()}
    ProviderAccount.objects.filter(pk=account_id).update(**said)
