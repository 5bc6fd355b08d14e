"""Consent at the vendor (RFC 6749, RFC 7636): the way there, the way back, and the choice of an account."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.locks import advisory_lock, locked
from core.db.rows import get_row
from core.errors import Conflict, Gone, Invalid, Refused, Unavailable
from core.privacy.encryption import challenge_of, digest_of_secret
from core.reliability.rate_limit import limit_per_hour
from integrations.calls.rights import MANAGE, MISSING, OBJECT
from integrations.connections import providers
from integrations.connections.errors import ConnectionFailed, for_person
from integrations.connections.names import checked_name, name_in_use, refuse_name
from integrations.connections.providers import Provider, VendorAccount
from integrations.connections.token_endpoint import TOKEN_LIMIT, Tokens
from integrations.connections.tokens import ask_as_app, ending_of, require_scopes, with_tokens
from integrations.models import ConsentRequest, ProviderAccount
from integrations.schemes import Consent, Headers, Scope, bearer

LIFE: Final = timedelta(minutes=10)
KEPT: Final = timedelta(days=1)
PER_HOUR: Final = 30
CHOICES: Final = 500
BY_PERSON: Final = "Only a person who is signed in can allow this at the vendor. Open it in the console."


@dataclass(frozen=True, slots=True)
class Start:
    """The way to a vendor's consent page, and what will be asked there."""

    provider: Provider
    scopes: tuple[Scope, ...]
    url: str = field(repr=False)


def begin_consent(
    *, actor: Actor, provider: str, session: str, name: str = "", connection_id: UUID | None = None
) -> Start:
    """Return where a person allows a connection, new or again; it counts ten minutes, once, in this session.

    Needs `MANAGE` and a person. Raises `NotFound`, `Invalid` with the fields, `Conflict` ("exists"), `Unavailable`
    ("not_configured"), `TooMany`. Writes `CONNECTION_CONSENT_STARTED`.
    """
    actor.require(MANAGE)
    person = actor.require_person(BY_PERSON, by_key=False)
    row = get_row(ProviderAccount, connection_id, MISSING, provider=provider) if connection_id else None
    found = providers.get(provider)
    scheme, app = consent_of(found), consent_of(found).app()
    if not (app.client_id and scheme.consent_url() and session):
        say = f"{found.title} isn't set up in this installation. Ask your operator."
        raise Unavailable(say, code="not_configured")
    wanted = row.name if row else checked_name(name or found.title)
    if row is None:
        refuse_name(provider, wanted)
    limit_per_hour(
        f"consent:{person}", limit=PER_HOUR, sentence="You started that often. Wait an hour, then try again."
    )
    state, verifier, moment = secrets.token_urlsafe(32), secrets.token_urlsafe(48), now()
    with transaction.atomic():
        ConsentRequest.objects.filter(expires_at__lt=moment - KEPT).delete()
        started = ConsentRequest.objects.create(
            person_id=person,
            session=digest_of_secret(session),
            state=digest_of_secret(state),
            verifier=verifier,
            provider=provider,
            name=wanted,
            connection=row,
            expires_at=moment + LIFE,
        )
        chain.note(actor, "CONNECTION_CONSENT_STARTED", started, provider=provider)
    asked = {
        "client_id": app.client_id,
        "redirect_uri": callback_url(),
        "response_type": "code",
        "scope": " ".join(scope.name for scope in scheme.scopes),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    url = scheme.consent_url()
    return Start(found, scheme.scopes, f"{url}{'&' if '?' in url else '?'}{urlencode({**scheme.asked, **asked})}")


def finish_consent(*, actor: Actor, session: str, state: str, code: str = "", error: str = "") -> ProviderAccount:
    """Take a person back from the vendor and store what they allowed (outside calls).

    The connection is active, or waits for the choice of an account if there are several. Needs `MANAGE` and the person
    who started it, in the same session. Raises `Refused` ("state_foreign"), `Gone` ("state_expired"), `Conflict`
    ("state_used", "exists", what the vendor refuses), `ConnectionFailed`. Writes `CONNECTION_CONSENT_USED`, and
    `CONNECTION_CONNECTED` or `CONNECTION_RECONNECTED`.
    """
    actor.require(MANAGE)
    actor.require_person(BY_PERSON, by_key=False)
    started = claim_state(actor, session, state)
    try:
        if error or not 0 < len(code) <= TOKEN_LIMIT:
            raise ConnectionFailed("access_denied" if error in ("", "access_denied") else "token_refused")
        found, accounts = redeem(started, code)
    except ConnectionFailed as problem:
        raise for_person(problem) from None
    try:
        with transaction.atomic():
            return keep_consent(actor, started, found, accounts)
    except IntegrityError:
        raise name_in_use() from None


def redeem(started: ConsentRequest, code: str) -> tuple[Tokens, list[VendorAccount]]:
    """Return the tokens for a code and the accounts that they reach (outside calls). Raises ConnectionFailed."""
    provider = providers.get(started.provider)
    scheme = consent_of(provider)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback_url()}
    found = ask_as_app(provider, scheme, {**form, "code_verifier": started.verifier})
    return found, read_reach(provider, scheme, found)


def claim_state(actor: Actor, session: str, state: str) -> ConsentRequest:
    """Use up the state that a vendor sent back. Raises Refused, Conflict, Gone."""
    own = {"person_id": actor.user_id, "session": digest_of_secret(session)}
    rows = ConsentRequest.objects.filter(state=digest_of_secret(state), **own)
    with transaction.atomic():
        moment = now()
        is_mine = bool(rows.filter(used_at=None, expires_at__gt=moment).update(used_at=moment))
        started: ConsentRequest | None = rows.first()
        if is_mine and started is not None:
            chain.note(actor, "CONNECTION_CONSENT_USED", started, provider=started.provider)
            return started
    if started is None:
        say = "This answer belongs to another sign-in. Connect it again, in this browser, and come back to it."
        raise Refused(say, code="state_foreign")
    if started.used_at is not None:
        raise Conflict("This answer of the vendor was used before. Connect it again.", code="state_used")
    raise Gone("More than ten minutes have passed. Connect it again.", code="state_expired")


def read_reach(provider: Provider, scheme: Consent, found: Tokens) -> list[VendorAccount]:
    """Return the vendor's accounts that a consent reaches (outside calls). Raises ConnectionFailed, Unavailable."""

    def headers(_method: str, _url: str, _body: bytes = b"") -> Headers:
        return bearer(found.access)

    granted = found.scopes if provider.list_scopes is None else provider.list_scopes(headers)
    require_scopes(scheme, granted)
    if provider.list_accounts is None:
        return []
    accounts = provider.list_accounts(headers)[:CHOICES]
    if not accounts:
        raise ConnectionFailed("no_accounts")
    return [VendorAccount(one.id[:120], one.name[:120]) for one in accounts]


def keep_consent(
    actor: Actor, started: ConsentRequest, found: Tokens, accounts: list[VendorAccount]
) -> ProviderAccount:
    """Store tokens in a new connection or in the one that is reconnected, within the caller's transaction."""
    advisory_lock(f"connections:{started.provider}")
    key = started.connection_id
    is_new = key is None
    if key is None:
        row = ProviderAccount(provider=started.provider, name=started.name, is_active=False)
    else:
        row = locked(ProviderAccount, key, MISSING)
    before = "" if is_new else row.state
    known = [one for one in accounts if one.id == row.external_id] or (accounts if len(accounts) == 1 else [])
    row.credentials = with_tokens({}, found)
    row.expires_at = ending_of(consent_of(providers.get(row.provider)), row.credentials, found)
    row.choices = [] if known or not accounts else [{"id": one.id, "name": one.name} for one in accounts]
    if known:
        row.external_id, row.external_name = known[0].id, known[0].name
    activate(row, actor, is_active=not row.choices)
    row.save(force_insert=is_new)
    facts = {"provider": row.provider, "scheme": "consent"}
    action = "CONNECTION_CONNECTED" if is_new else "CONNECTION_RECONNECTED"
    chain.record(actor, action, OBJECT, row.pk, old_state=before, new_state=row.state, facts=facts)
    return row


def choose_account(*, actor: Actor, connection_id: UUID, external_id: str) -> ProviderAccount:
    """Choose which of the vendor's accounts a connection is for. Needs `MANAGE`.

    Raises `NotFound`, `Conflict` ("nothing_to_choose"), `Invalid` with the field. Writes `CONNECTION_ACCOUNT_CHOSEN`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        provider = get_row(ProviderAccount, connection_id, MISSING).provider
        advisory_lock(f"connections:{provider}")
        row = locked(ProviderAccount, connection_id, MISSING)
        if not row.choices:
            raise Conflict("There is no account to choose for this connection.", code="nothing_to_choose")
        names: dict[str, str] = {one["id"]: one["name"] for one in row.choices}
        if external_id not in names:
            raise Invalid("Choose one of the accounts.", fields={"external_id": ["Choose one of the accounts."]})
        before = row.state
        row.external_id, row.external_name, row.choices = external_id, names[external_id], []
        activate(row, actor)
        row.save()
        facts = {"provider": row.provider, "account": external_id}
        chain.record(
            actor, "CONNECTION_ACCOUNT_CHOSEN", OBJECT, row.pk, old_state=before, new_state=row.state, facts=facts
        )
    return row


def activate(row: ProviderAccount, actor: Actor, *, is_active: bool = True) -> None:
    """Set the columns of a connection that works from now on; the first of a provider is its default.

    The caller holds the lock of the provider's connections, and saves.
    """
    row.is_active, row.expired_at, row.last_error, row.last_error_about = is_active, None, "", ""
    row.connected_by_id, row.connected_at, row.lease_until = actor.user_id, now(), None
    others = ProviderAccount.objects.filter(provider=row.provider, is_active=True, is_default=True).exclude(pk=row.pk)
    row.is_default = is_active and not others.exists()


def consent_of(provider: Provider) -> Consent:
    """Return the scheme of a provider that asks a person. Raises Invalid for another one."""
    if provider.consent is None:
        raise Invalid(f"{provider.title} is connected by typing in its credentials.", code="no_consent")
    return provider.consent


def callback_url() -> str:
    """Return the address at which vendors send people back."""
    return f"{settings.PUBLIC_URL}{reverse('admin:connection_callback')}"
