"""Erasing a member: the service that starts it, and what accounts erases, and an export of a person reads."""

import base64
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import unquote_plus
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.members.invitations import digest_of_address
from accounts.models import (
    ApiKey,
    BrowserSession,
    CompanySession,
    DirectoryPerson,
    Identity,
    Invitation,
    LinkedAccount,
    MemberPicture,
    Membership,
    Notice,
    PushSubscription,
    RevealGrant,
    SavedView,
    Share,
    TokenFamily,
    User,
)
from accounts.permissions.role_limits import MANAGE
from accounts.permissions.roles import permissions_here
from accounts.privacy.reveals import ACCESSED, REVEALABLES
from accounts.services import close_membership, refuse_emergency_owner
from accounts.sessions.engine import content_of
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Refused
from core.files.kinds import KINDS, kind_of
from core.models import AuditEntry, Erasure
from core.privacy.erasure import services as erasures
from core.privacy.erasure.disclosure import A_FILE, DIGEST, SAME, SEALED, each_once, holding, owned, owned_unindexed
from core.privacy.erasure.person import ERASED, Person, Words
from core.privacy.erasure.registry import (
    HANDLERS,
    Batch,
    ErasureHandler,
    KeptFile,
    Reading,
    Step,
    Table,
    Texts,
    emptied,
    every,
    rows_holding,
    window,
)
from core.tenancy.scope import current_tenant_id, platform_scope

ERASE: Final = "accounts.erase_member"
OWNER: Final = Membership.Role.OWNER
VIEWS: Final = Texts(SavedView, ("name", "query"))
SHOWN: Final = "contacts conversations approvals person_requests"
"""The kinds of a person's rows that can be revealed."""
NO_DIGEST: Final = "erased"
NOBODYS: Final = "erased.invalid"
"""The domain of erased accounts' addresses: no mail reaches them and nobody signs in with them."""


def _reveals(person: Person, after: str, limit: int) -> Batch:
    """Blank the reasons for revealing the person's data, and the reasons the person gave."""
    things = [key for kind in ("contacts", "conversations", "person_requests") for key in person.ids(kind)]
    left = RevealGrant.objects.exclude(reason=ERASED)
    about = left.filter(object_id__in=things).update(reason=ERASED)
    return Batch(about + left.filter(user_id__in=person.ids("users")).update(reason=ERASED))


def _keys(person: Person, after: str, limit: int) -> Batch:
    rows = ApiKey.objects.filter(user_id__in=person.ids("users")).exclude(name=ERASED)
    return Batch(rows.update(name=ERASED))


def _invitations(person: Person, after: str, limit: int) -> Batch:
    """Blank the invitations the person received, found by their addresses and their account."""
    gone = {"address": None, "name": None, "masked_address": ERASED, "address_digest": NO_DIGEST, "digest": None}
    return emptied(_offered_to(person).exclude(address_digest=NO_DIGEST), limit, **gone)


def _notices(person: Person, after: str, limit: int) -> Batch:
    """Remove the notices left for the person."""
    own = Notice.objects.filter(person_id__in=person.ids("users"))
    rows, last = window(own.only("pk"), "", limit)
    return Batch(own.filter(pk__in=[row.pk for row in rows]).delete()[0] if rows else 0, last)


def _browsers(person: Person, after: str, limit: int) -> Batch:
    """Remove the browsers that showed the person's notices, and what is on its way to them."""
    return Batch(PushSubscription.objects.filter(person_id__in=person.ids("users")).delete()[0])


def _devices(person: Person, after: str, limit: int) -> Batch:
    """Remove the person's devices, whose tokens have ended with the membership."""
    return Batch(TokenFamily.objects.filter(user_id__in=person.ids("users")).delete()[0])


def _identities(person: Person, after: str, limit: int) -> Batch:
    """Remove who the person is at the company's provider and in its directory, with the sessions that began there."""
    users = person.ids("users")
    pushed = DirectoryPerson.objects.filter(user_id__in=users).delete()[0]
    return Batch(pushed + Identity.objects.filter(user_id__in=users).delete()[0])


def _pictures(person: Person, after: str, limit: int) -> Batch:
    """Remove the person's picture, signature and time zone; the first two went with the membership's end already."""
    of_them = Membership.objects.filter(user_id__in=person.ids("users"))
    of_them.update(picture_key="", zone="", signature=None)
    return Batch(MemberPicture.objects.filter(membership__in=of_them).delete()[0])


def _views(person: Person, after: str, limit: int) -> Batch:
    """Remove the person's saved views, and those of colleagues that search for the person by name or address."""

    def is_searched(texts: list[str]) -> bool:
        return person.is_named_in([unquote_plus(text) for text in texts])

    keys, last = rows_holding(VIEWS, (*person.names, *person.addresses), is_searched, after, limit)
    own = SavedView.objects.filter(person_id__in=person.ids("users"))
    return Batch(own.delete()[0] + SavedView.objects.filter(pk__in=keys).delete()[0], last)


def _shares(person: Person, after: str, limit: int) -> Batch:
    """Remove what is shared of the person's and with them, and blank the reasons for which they shared."""
    things = [key for kind in SHOWN.split() for key in person.ids(kind)]
    gone = Share.objects.filter(Q(object_id__in=things) | Q(user_id__in=person.ids("users"))).delete()[0]
    left = Share.objects.filter(shared_by_id__in=person.ids("users")).exclude(reason=ERASED)
    return Batch(gone + left.update(reason=ERASED))


def _offered_to(person: Person) -> QuerySet[Invitation]:
    digests = [digest_of_address(address) for address in person.addresses if "@" in address]
    return Invitation.objects.filter(Q(address_digest__in=digests) | Q(person_id__in=person.ids("users")))


def _sessions(person: Person, after: str, limit: int) -> Batch:
    """End the sessions of a removed account: they hold its email address."""
    users = {str(key) for key in _accounts_to_go(person)}
    if not users:
        return Batch()
    BrowserSession.objects.filter(user_id__in=users).delete()
    rows = list(Session.objects.filter(session_key__gt=after).order_by("session_key")[:limit])
    gone = [row.pk for row in rows if content_of(row).get("_auth_user_id") in users]
    removed = Session.objects.filter(pk__in=gone).delete()[0] if gone else 0
    return Batch(removed, str(rows[-1].pk) if len(rows) == limit else "")


def _accounts(person: Person, after: str, limit: int) -> Batch:
    """Blank the accounts that no organisation needs any more; only their ids stay."""
    changed = 0
    for user_id in _accounts_to_go(person):
        EmailAddress.objects.filter(user_id=user_id).delete()
        Authenticator.objects.filter(user_id=user_id).delete()
        LinkedAccount.objects.filter(user_id=user_id).delete()
        left = User.objects.filter(pk=user_id).exclude(email__endswith=f"@{NOBODYS}")
        changed += left.update(
            email=f"{user_id.hex}@{NOBODYS}",
            company_address="",
            password=make_password(None),
            first_name="",
            last_name="",
            is_active=False,
            is_staff=False,
            last_login=None,
        )
    return Batch(changed)


def _accounts_to_go(person: Person, *, besides: UUID | None = None) -> list[UUID]:
    """Return the accounts that no tenant has a member with, `besides` one."""
    users = person.ids("users")
    with platform_scope():
        members = Membership.objects.filter(user_id__in=users, erased_at=None).exclude(tenant_id=besides)
        elsewhere = set(members.values_list("user_id", flat=True))
    return [user_id for user_id in users if user_id not in elsewhere]


def _of_account(model: Any) -> Callable[[Person], Iterable[Any]]:
    """Return what reads rows of the account, unless it belongs to another organisation as well."""

    def read(person: Person) -> Iterable[Any]:
        kept: Iterable[Any] = model.objects.filter(
            user_id__in=_accounts_to_go(person, besides=current_tenant_id())
        ).order_by("pk")
        return kept

    return read


def _reveals_about(person: Person) -> Iterable[AuditEntry]:
    things = [key for kind in SHOWN.split() for key in person.ids(kind)]
    types = [kind.object_type for _, kind in REVEALABLES.items()]  # first in the index
    return every(AuditEntry.objects.filter(action=ACCESSED, object_type__in=types, object_id__in=things))


def _picture_of(row: MemberPicture) -> KeptFile:
    content = base64.b64decode(row.content)
    return KeptFile(KINDS[kind_of(content).content_type].endings[0], lambda: content)


READINGS: Final = (
    Reading(
        model="accounts.User", title="Your account", shown="email company_address first_name last_name is_active",
        rows=lambda person: every(User.objects.filter(pk__in=person.ids("users"))),
        unread={"password": SEALED},
    ),
    Reading(
        model="accounts.Membership", title="Your membership",
        shown="role is_active own_teams_only mail_on language zone signature created_at",
        rows=owned(Membership, user="users"), unread={"picture_key": "A random part of the picture's address."},
    ),
    Reading(
        model="accounts.MemberPicture", title="Your picture", shown="id", file=_picture_of,
        rows=owned(MemberPicture, membership__user="users"), unread={"content": A_FILE},
        kept="Until you remove it or leave.",
    ),
    Reading(
        model="account.EmailAddress", title="Email addresses you sign in with", shown="email verified primary",
        rows=_of_account(EmailAddress),
    ),
    Reading(model="account.EmailConfirmation", unread={"key": SEALED}),
    Reading(
        model="mfa.Authenticator", title="Your second factors", shown="type created_at last_used_at",
        rows=_of_account(Authenticator), unread={"data": SEALED},
    ),
    Reading(
        model="accounts.LinkedAccount", title="Accounts elsewhere that you sign in with",
        shown="provider created_at used_at", rows=_of_account(LinkedAccount), unread={"subject": DIGEST},
        kept="Until you unlink it.",
    ),
    Reading(model="sessions.Session", unread={"session_key session_data": SEALED}),
    Reading(
        model="accounts.BrowserSession", title="Browsers you are signed in with", shown="device network seen_at",
        rows=_of_account(BrowserSession), unread={"digest": DIGEST}, kept="Until you sign out.",
    ),
    Reading(
        model="accounts.TokenFamily", title="Devices signed in to the API",
        shown="device network created_at used_at expires_at ended_at ended_why",
        rows=owned(TokenFamily, user="users"), unread={"proof": DIGEST},
    ),
    Reading(
        model="accounts.Identity", title="Who you are at the company's sign-in", shown="issuer created_at used_at",
        rows=owned(Identity, user="users"), unread={"subject": DIGEST}, kept="Until you disconnect it.",
    ),
    Reading(
        model="accounts.CompanySession", title="Sessions that the company's sign-in began", shown="created_at",
        rows=owned(CompanySession, identity__user="users"), unread={"sid digest": DIGEST},
        kept="12 hours, or until you sign out.",
    ),
    Reading(
        model="accounts.DirectoryPerson", title="What the company's directory says of you",
        shown="document created_at changed_at", rows=owned(DirectoryPerson, user="users"),
        unread={"user_name external": DIGEST}, kept="Until you are erased; empty once the directory deletes you.",
    ),
    Reading(
        model="accounts.PushSubscription", title="Browsers that show your notices", shown="created_at sent_at",
        rows=owned(PushSubscription, person="users"), unread={"endpoint keys": SEALED, "endpoint_digest": DIGEST},
    ),
    Reading(
        model="accounts.ApiKey", title="Your API keys",
        shown="name scopes created_at expires_at last_used_at revoked_at", rows=owned(ApiKey, user="users"),
    ),
    Reading(
        model="accounts.Invitation", title="Invitations to you",
        shown="address name role sent_at expires_at accepted_at withdrawn_at",
        rows=lambda person: every(_offered_to(person)),
        unread={"masked_address": SAME, "address_digest digest": DIGEST},
    ),
    Reading(
        model="accounts.Notice", title="Notices left for you", shown="kind link level created_at seen_at",
        masked="title body", rows=owned(Notice, person="users"),
        unread={"dedupe_key": "Keeps a notice from being left twice."},
        kept="90 days after you saw it, a year otherwise.",
    ),
    Reading(
        model="accounts.SavedView", title="Saved views of lists", shown="list_key created_at", masked="name",
        rows=each_once(owned(SavedView, person="users"), holding(VIEWS)),
        unread={"query": "What the list was searched for, as an address has it; it may name others."},
    ),
    Reading(
        model="accounts.RevealGrant", title="Why your data was shown", masked="reason",
        shown="object_type fields created_at expires_at",
        rows=owned(RevealGrant, object_id=SHOWN),
    ),
    Reading(
        model="accounts.RevealGrant", title="When you had others' data shown",
        shown="object_type fields created_at expires_at", rows=owned(RevealGrant, user="users"),
        unread={"reason": "It may say whose data that was."},
    ),
    Reading(
        model="accounts.Share", title="Who your data was shared with, and why", masked="reason",
        shown="kind level role created_at ends_at",
        rows=owned_unindexed(Share, object_id=SHOWN),
    ),
    Reading(
        model="accounts.Share", title="What was shared with you", shown="kind level created_at ends_at",
        rows=owned(Share, user="users"), unread={"role": "Empty, as it was shared with you alone.",
                                                 "reason": "It may say whose data that was."},
    ),
    Reading(
        model="core.AuditEntry", title="Which roles had your data shown in clear",
        shown="at role actor_kind object_type facts", rows=_reveals_about, kept="For good: the audit log stays whole.",
    ),
)  # fmt: skip


class AccountsErasure(ErasureHandler):
    """Erases what accounts keeps about a person."""

    order: ClassVar[int] = 10
    purpose: ClassVar[str] = "To let colleagues sign in, and to know who may do what and who saw what."
    readings: ClassVar[tuple[Reading, ...]] = READINGS
    tables: ClassVar[tuple[Table, ...]] = (
        Table("accounts.User", "The account of a person who is a member nowhere else; its id stays.",
              "password email company_address first_name last_name"),
        Table("account.EmailAddress", "Rows are removed with the account.", "email"),
        Table("account.EmailConfirmation", "Rows are removed with the address.", "key"),
        Table("mfa.Authenticator", "Rows are removed with the account.", "data"),
        Table("accounts.LinkedAccount", "Rows are removed with the account.", "provider subject"),
        Table("sessions.Session", "Rows are removed with the account.", "session_key session_data"),
        Table("accounts.Share", "Rows are removed; of what a member shared the reason is emptied.", "reason",
              "role team_id object_id"),
        Table("accounts.RevealGrant", "Names of fields.", "reason", "object_type fields"),
        Table("accounts.ApiKey", "A digest of random bits, and rights; the key is revoked.", "name",
              "prefix digest scopes"),
        Table("accounts.Invitation", "That someone was invited, and the outcome.",
              "address name masked_address address_digest digest", "mail_problem"),
        Table("accounts.Notice", "Rows are removed.", "kind title body link dedupe_key"),
        Table("accounts.Membership", "A role.", "picture_key zone signature"),
        Table("accounts.Role", "The organisation's own definitions.", kept="key name permissions"),
        Table("accounts.MemberPicture", "Rows are removed, with the membership's end already.", "content"),
        Table("accounts.BrowserSession", "Rows are removed with the account.", "digest device network"),
        Table("accounts.TokenFamily", "Rows are removed, and their tokens end with the membership already.",
              "device network proof"),
        Table("accounts.Registration", "Sealed; the row goes when its link is used, or after a day.", kept="sealed"),
        Table("accounts.Identity", "Rows are removed.", "issuer subject"),
        Table("accounts.CompanySession", "Rows are removed with the identity.", "sid digest"),
        Table("accounts.IdentityProvider", "The organisation's own provider; the rules name its groups.",
              kept="slug issuer client_id client_secret scopes groups_claim rules default_role proofs"),
        Table("accounts.Directory", "A digest of random bits, and the name of a claim.", kept="digest person_claim"),
        Table("accounts.DirectoryPerson", "Rows are removed, and so is the person in its groups.",
              "document user_name external"),
        Table("accounts.DirectoryGroup", "A group of the organisation's own directory.", kept="name external"),
        Table("accounts.TokenKey", "A sealed key of the installation.", kept="sealed"),
        Table("accounts.PushSubscription", "Rows are removed.", "endpoint keys endpoint_digest"),
        Table("accounts.PushMessage", "Rows are removed with the subscription.", kept="notice_id"),
        Table("accounts.SavedView", "Rows are removed, also colleagues' that name the person.", "name query",
              "list_key"),
        Table("accounts.OwedEntry", "What an operator did, by ids; the row goes when every chain has it.",
              kept="actor home action object_type object_id new_state event owed_to seal"),
        Table("accounts.Tenant", "The organisation itself.",
              kept="name slug timezone currency language support_name factor_due"),
        Table("accounts.Tier", "What organisations may use.", kept="name"),
        Table("accounts.SettingChange", "The organisation's settings, and who changed them, by id.", kept="key value"),
        Table("accounts.OrganisationLogo", "The organisation's logo.", kept="content"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("reveals", "Reasons for which data was shown", _reveals),
        Step("keys", "API keys", _keys),
        Step("invitations", "Invitations to the person", _invitations),
        Step("left_notices", "Notices left for the person", _notices),
        Step("browsers", "Browsers that showed the person's notices", _browsers),
        Step("devices", "Devices signed in to the API", _devices),
        Step("identities", "Who they are at the company's sign-in and in its directory", _identities),
        Step("pictures", "Their picture and email signature", _pictures),
        Step("saved_views", "Saved views", _views),
        Step("shares", "What was shared of them and with them", _shares),
        Step("sessions", "Sessions", _sessions),
        Step("accounts", "Accounts", _accounts),
    )

    @classmethod
    def words(cls, person: Person) -> Words:
        """Return the members' addresses, and their names if they are full names.

        Besides those of their accounts, where invitations reached them. What a company's provider says proves nothing:
        by it, a member could be given or erase what is a customer's.
        """
        people = list(User.objects.filter(pk__in=person.ids("users")))
        names = [f"{user.first_name} {user.last_name}".strip() for user in people]
        accepted = Invitation.objects.filter(person__in=people).only("tenant_id", "address")
        addresses = {*(user.email for user in people), *(row.address for row in accepted if row.address)}
        return Words(tuple(name for name in names if " " in name), tuple(sorted(addresses)))

    @classmethod
    def detach(cls, person: Person) -> None:
        """Close membership, keys and invitations: none of them lets anyone in afterwards."""
        moment = clock_now()
        for membership in Membership.objects.filter(user_id__in=person.ids("users")).select_related("user"):
            close_membership(membership)
            Membership.objects.filter(pk=membership.pk).update(erased_at=moment, mail_on=False)
        offered = _offered_to(person).filter(accepted_at=None, withdrawn_at=None)
        offered.update(withdrawn_at=moment, digest=None)


HANDLERS.register("accounts", AccountsErasure)


def erase_member(*, actor: Actor, membership_id: UUID, reason: str, now: datetime | None = None) -> Erasure:
    """Erase a member for good and return the erasure; repeating returns the same one.

    The membership is closed and API keys are revoked at once; a worker does the rest, including what they
    wrote as a contact. Their actions stay under an id that identifies nobody. `reason` is one of
    `Erasure.Reason`. Needs `accounts.erase_member` and a second factor; never oneself, never the last
    owner, and an owner or administrator only by an owner. Raises `Refused`, `Invalid`, `NotFound`, and
    `Conflict` ("last_owner", "emergency_owner", "operator", "in_the_way"). Writes `member.erasure_asked`, and
    `member.erased` at the end. Announces nothing.
    """
    erasures.require_eraser(actor=actor, permission=ERASE, reason=reason)
    with transaction.atomic():
        # Lock all owners in one order: if two erase each other, one remains.
        owners = Membership.objects.select_for_update(of=("self",)).filter(role=OWNER, is_active=True).order_by("pk")
        owner_ids = set(owners.values_list("pk", flat=True))
        membership = get_or_missing(
            Membership.objects.select_for_update(of=("self",)).select_related("user").filter(pk=membership_id),
            "There is no such member.",
        )
        if membership.erased_at is None:
            if membership.user_id == actor.user_id:
                raise Refused("You can't erase yourself. Ask a colleague with this right.", code="yourself")
            if MANAGE in permissions_here(membership.role) and actor.role != OWNER:
                raise Refused("Only an owner can erase someone who manages members.", code="role_above_yours")
            if owner_ids <= {membership.pk} and membership.role == OWNER:
                raise Conflict("The last owner can't be erased. Make someone else an owner first.", code="last_owner")
            refuse_emergency_owner(membership)
            if membership.user.is_superuser:
                raise Conflict(
                    "This account operates the installation. Withdraw its operator role first.", code="operator"
                )
        return erasures.open_erasure(
            actor=actor,
            subject_type=erasures.Subject.MEMBER,
            subject_id=membership.pk,
            reason=reason,
            targets={"users": [membership.user_id]},
            now=now,
        )
