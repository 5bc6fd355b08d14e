"""Linking an account elsewhere with one's own, unlinking it, and finding the person who signs in with it.

Who somebody is elsewhere, is issuer and subject. No account is made by it, and none is found by an address.
"""

import hmac
from dataclasses import replace
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.linked.providers import LABELS, Proven
from accounts.members.profile import USE
from accounts.members.records import record_in_each_tenant
from accounts.models import LinkedAccount, Membership, User
from accounts.permissions.role_limits import refuse_stale_sign_in
from accounts.selectors import memberships_of
from accounts.sign_in.known_devices import NOTICE
from core import notices
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, NotFound, Refused
from core.privacy.encryption import derive_key, lasting_key_id
from core.tenancy.scope import tenant_scope

TAKEN: Final = "This account is linked to somebody else here. They have to unlink it first."


def digest_of(provider: str, proven: Proven) -> str:
    """Return the stored form of issuer and subject at a provider."""
    key = derive_key("blind|accounts_linkedaccount.subject", key_id=lasting_key_id())
    return hmac.digest(key, f"{provider}\n{proven.issuer}\n{proven.subject}".encode(), "sha256").hex()


def list_own(*, viewer: Actor) -> dict[str, LinkedAccount]:
    """Return the viewer's linked accounts, by provider. Needs `accounts.use_profile`. One query."""
    rows = LinkedAccount.objects.filter(user_id=_person(viewer))
    return {row.provider: row for row in rows}


def find_person(provider: str, proven: Proven) -> User:
    """Return the active person whose linked account this is, and note its use.

    Raises `Refused` ("not_linked"), and ("company_only") where nothing but their company's sign-in opens.
    """
    rows = LinkedAccount.objects.select_related("user").filter(subject=digest_of(provider, proven))
    row = rows.filter(user__is_active=True).first()
    if row is None:
        raise Refused(
            f"This {LABELS[provider]} account isn't linked to anyone here. Sign in with your password, then link it in "
            "your profile.",
            code="not_linked",
        )
    memberships = memberships_of(row.user_id)
    opened = [one for one in memberships if one.sign_in == Membership.SignIn.ANY]
    if not row.user.has_usable_password() or (memberships and not opened):
        raise Refused(
            "Your organisation requires its company sign-in. Sign in with your company instead.", code="company_only"
        )
    LinkedAccount.objects.filter(pk=row.pk).update(used_at=clock_now())
    user: User = row.user
    return user


def link_account(*, actor: Actor, provider: str, proven: Proven) -> LinkedAccount:
    """Link an account elsewhere with the actor's own; they get an alert. Safe to repeat.

    For the callback: the actor confirmed that it's them before they left. Needs `accounts.use_profile` and a password.
    Raises `Refused` ("by_company", "no_password"), and `Conflict` ("linked_elsewhere", "one_per_provider"). Writes
    `ACCOUNT_LINKED` in each of their organisations.
    """
    person = require_own_sign_in(actor)
    try:
        with transaction.atomic():
            user = User.objects.select_for_update(no_key=True).get(pk=person)
            if not user.has_usable_password():
                raise Refused("Your company signs you in, so you can't link another account.", code="no_password")
            subject = digest_of(provider, proven)
            same = LinkedAccount.objects.filter(subject=subject).first()
            if same is not None and same.user_id == person:
                return same
            if same is not None:
                raise Conflict(TAKEN, code="linked_elsewhere")
            if LinkedAccount.objects.filter(user_id=person, provider=provider).exists():
                raise Conflict(
                    f"Another {LABELS[provider]} account is linked already. Unlink that one first.",
                    code="one_per_provider",
                )
            row: LinkedAccount = LinkedAccount.objects.create(user_id=person, provider=provider, subject=subject)
            tell_of_link(row)
            _record(actor, person, "ACCOUNT_LINKED", provider)
    except IntegrityError:  # by somebody else at the same time
        raise Conflict(TAKEN, code="linked_elsewhere") from None
    return row


def unlink_account(*, actor: Actor, provider: str) -> None:
    """Unlink an account of the actor's; nothing else changes, sessions go on.

    Needs `accounts.use_profile`, a fresh sign-in and a password by which they still get in. Raises `Refused`
    ("by_company", "confirm_first"), `NotFound` and `Conflict` ("only_way"). Writes `ACCOUNT_UNLINKED` in each of their
    organisations.
    """
    person = require_own_sign_in(actor)
    refuse_stale_sign_in(actor)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=person)
        row = LinkedAccount.objects.select_for_update().filter(user_id=person, provider=provider).first()
        if row is None:
            raise NotFound("This account isn't linked.")
        if not user.has_usable_password():
            raise Conflict("It is your only way in. Set a password first.", code="only_way")
        row.delete()
        _record(actor, person, "ACCOUNT_UNLINKED", provider)


def _person(actor: Actor) -> UUID:
    actor.require(USE)
    return actor.require_person("Only people link accounts, and only their own.", by_key=False)


def require_own_sign_in(actor: Actor) -> UUID:
    """Return the person's id; raises `Refused` in a session that a company began: it speaks for one organisation."""
    person = _person(actor)
    if actor.by_company:
        raise Refused("Sign in with your password to link or unlink an account.", code="by_company")
    return person


def tell_of_link(row: LinkedAccount) -> None:
    """Leave the person an alert about a new link, in their first organisation; in the caller's transaction."""
    if not (memberships := memberships_of(row.user_id)):
        return
    with tenant_scope(memberships[0].tenant_id), transaction.atomic():
        notices.leave(
            people=[row.user_id],
            kind=NOTICE,
            title=f"You can sign in with a {LABELS[row.provider]} account from now on",
            body="It was linked in your profile. If that wasn't you, unlink it, change your password, and sign out "
            "everywhere else.",
            link="/admin/accounts/user/",
            level="alert",
            dedupe_key=f"linked:{row.pk}",
        )


def _record(actor: Actor, person: UUID, action: str, provider: str) -> None:
    record_in_each_tenant(
        memberships_of(person),
        action,
        lambda one: replace(actor, role=one.role, role_version=one.role_version),
        {"what": provider},
    )
