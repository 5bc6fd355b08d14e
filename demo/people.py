"""Creates the demo's organisations and their members."""

import base64
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils.crypto import get_random_string

from accounts.models import Tenant, User
from accounts.services import add_member, create_tenant
from conversations.types import SenderIdentity
from core.actors import system
from core.privacy.encryption import derive_key, lasting_key_id
from core.tenancy.scope import tenant_scope
from demo.cast import Organisation, Person

SEEDER = system("demo")
OPENED: Final = timedelta(days=190)
"""How long ago the organisations began to work with Walker: before the first day of their figures."""


def lasting(purpose: str) -> bytes:
    """Return 32 bytes derived from the installation's first key, so that later keys change nothing."""
    return derive_key(purpose, key_id=lasting_key_id())


def password_of(email: str) -> str:
    """Return the demo password of an address: constant, but different in each installation."""
    words = base64.b32encode(lasting(f"demo-password|{email}"))[:16].decode().lower()
    return "-".join(words[at : at + 4] for at in range(0, 16, 4))


def tenant_id_of(organisation: Organisation) -> UUID:
    """Return the id of a demo tenant, fixed per installation, so that seeding can be repeated."""
    number = bytearray(lasting(f"demo-tenant|{organisation.slug}")[:16])
    number[6] = number[6] & 0x0F | 0x80  # version 8: made by rule (RFC 9562, section 5.8)
    number[8] = number[8] & 0x3F | 0x80
    return UUID(bytes=bytes(number))


def ensure_tenant(organisation: Organisation) -> UUID:
    """Create the organisation unless it is there; returns its id."""
    tenant_id = tenant_id_of(organisation)
    with tenant_scope(tenant_id):
        if Tenant.objects.filter(pk=tenant_id).exists():
            return tenant_id
    create_tenant(
        actor=SEEDER,
        tenant_id=tenant_id,
        name=organisation.name,
        slug=organisation.slug,
        timezone=organisation.timezone,
        currency=organisation.currency,
    )
    return tenant_id


def ensure_people(organisation: Organisation) -> dict[str, User]:
    """Create the members that are missing; returns all by key. Runs in the tenant's scope."""
    emails = {person.key: organisation.email(person.key) for person in organisation.people}
    known = {user.email: user for user in User.objects.filter(email__in=emails.values())}
    missing = [person for person in organisation.people if emails[person.key] not in known]
    for user in User.objects.bulk_create(_new_user(emails[person.key], person) for person in missing):
        known[user.email] = user
    for person in missing:
        add_member(actor=SEEDER, user=known[emails[person.key]], role=person.role)
    return {key: known[email] for key, email in emails.items()}


def _new_user(email: str, person: Person) -> User:
    # A derived password has 80 bits of its own: nobody guesses it, however quick a guess is. Hashing all of them
    # slowly took four seconds; the first sign-in does it.
    password = PBKDF2PasswordHasher().encode(password_of(email), get_random_string(22), iterations=1000)
    return User(email=email, password=password, first_name=person.first_name, last_name=person.last_name, is_staff=True)


def identity_of(person: User) -> SenderIdentity:
    """Return a colleague as the chat knows them once they have signed in."""
    return SenderIdentity(
        kind="member", value=str(person.pk), verified=True, display_name=person.get_full_name(), user_id=person.pk
    )
