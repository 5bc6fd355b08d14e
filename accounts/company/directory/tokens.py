"""The token of the company's directory: an owner makes it, and it can never do more than that owner may."""

import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.company.people import make_due
from accounts.company.providers import MANAGE, MISSING
from accounts.models import Directory, DirectoryPerson, IdentityProvider
from accounts.permissions.role_limits import refuse_stale_sign_in
from accounts.services import actor_for_user
from accounts.versioning import lock_version
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Invalid, NotFound, Refused
from core.privacy.encryption import digest_of_secret
from core.tenancy import lookups

TOKEN_PREFIX: Final = "wd_"  # noqa: S105
CLAIMS: Final = {"sub": "sub, as at Okta and Keycloak", "oid": "oid, as at Microsoft Entra"}
"""Where a provider says a person's id in the directory, which pushes it as `externalId`."""
NOTED_EVERY: Final = timedelta(hours=1)
NO_TOKEN: Final = "This token isn't valid."  # noqa: S105


def address() -> str:
    """Return the address that a directory is given; the addresses of resources begin with it."""
    return f"{settings.PUBLIC_URL}/scim/v2"


def find_directory(token: str) -> tuple[UUID, UUID] | None:
    """Return tenant and id of the directory with a token. Works outside a tenant scope."""
    if not token.startswith(TOKEN_PREFIX):
        return None
    rows = lookups.find("directory", digest_of_secret(token))
    return (rows[0]["tenant_id"], rows[0]["id"]) if rows else None


def directory_of(provider: IdentityProvider) -> Directory | None:
    """Return the directory that is connected beside a provider, in the tenant in scope. One query."""
    found: Directory | None = Directory.objects.filter(provider=provider).first()
    return found


def actor_of(directory: Directory, *, sent_from: str = "", user_agent: str = "") -> Actor:
    """Return the directory as an actor with the permissions of the owner who made its token.

    Raises `Refused` once that person is no member any more, or may no longer change the company's sign-in.
    """
    maker = actor_for_user(directory.made_by)
    maker.require(MANAGE)
    return Actor(
        kind="system",
        name="company directory",
        role="system",
        address=sent_from,
        user_agent=user_agent[:200],
        permissions=maker.permissions,
    )


def note_use(directory: Directory) -> None:
    """Note that the directory was heard from, once an hour."""
    moment = clock_now()
    if directory.used_at is None or directory.used_at < moment - NOTED_EVERY:
        Directory.objects.filter(pk=directory.pk).update(used_at=moment)


def make_token(*, actor: Actor, provider_id: UUID, person_claim: str) -> str:
    """Connect the company's directory, or give it another token, and return the token, which is shown only once.

    The one before ends. Needs `accounts.manage_sign_in`, in person, and a fresh sign-in. Raises `Refused`
    ("confirm_first"), `NotFound`, and `Invalid` with the field. Writes `DIRECTORY_CONNECTED`.
    """
    actor.require(MANAGE)
    person = actor.require_person("Only a person can connect the directory.", by_key=False)
    refuse_stale_sign_in(actor)
    if person_claim not in CLAIMS:
        problem = f"Choose one of {', '.join(CLAIMS)}."
        raise Invalid(problem, fields={"person_claim": [problem]})
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        provider = lock_version(actor, IdentityProvider, provider_id, None, MISSING)
        values = {
            "made_by_id": person,
            "digest": digest_of_secret(token),
            "person_claim": person_claim,
            "used_at": None,
        }
        row, _created = Directory.objects.update_or_create(provider=provider, defaults=values)
        # What another owner may give, others may not.
        make_due(DirectoryPerson.objects.filter(gone_at=None))
        chain.note(actor, "DIRECTORY_CONNECTED", row, claim=person_claim)
    return token


def disconnect_directory(*, actor: Actor, provider_id: UUID) -> None:
    """End the directory's token. People stay as they are, and follow their groups at their sign-in again.

    Needs `accounts.manage_sign_in` and a fresh sign-in. Raises `Refused` ("confirm_first") and `NotFound`. Writes
    `DIRECTORY_DISCONNECTED`.
    """
    actor.require(MANAGE)
    refuse_stale_sign_in(actor)
    with transaction.atomic():
        provider = lock_version(actor, IdentityProvider, provider_id, None, MISSING)
        row = Directory.objects.select_for_update().filter(provider=provider).first()
        if row is None:
            raise NotFound("There is no directory.")
        gone = row.pk
        row.delete()
        chain.record(actor, "DIRECTORY_DISCONNECTED", "accounts.directory", gone)


def refuse_maker(directory: Directory, user_id: UUID) -> None:
    """Refuse to switch off the owner who made the token: with them it would end, and nobody else could be."""
    if directory.made_by_id == user_id:
        raise Refused(
            "This person made the directory's token. Let another owner make one first.", code="made_the_token"
        )
