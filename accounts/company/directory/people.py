"""People that the directory pushes: they are made, changed, switched off and on, and never erased."""

from collections.abc import Callable, Collection
from typing import Any, Final
from unicodedata import normalize
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.company.claims import address_of, names_of
from accounts.company.directory.tokens import refuse_maker
from accounts.company.people import clean_name, digest_of_external, find_identity, make_account
from accounts.models import Directory, DirectoryMember, DirectoryPerson, Identity, Membership, User
from accounts.permissions.role_limits import MANAGE, is_role, refuse_higher_role
from accounts.selectors import memberships_of
from accounts.services import SIGN_IN_RULE, add_member, close_membership, refuse_emergency_owner
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, check_fields
from core.privacy.encryption import blind_index
from core.tenancy.scope import current_tenant_id
from core.text.clean import text_problem

MISSING: Final = "There is no such person."
TAKEN: Final = "Another person of the directory has this userName or externalId."
STALE: Final = "It has changed since you read it."
LONGEST: Final = 256
MOST_ADDRESSES: Final = 20
OWNER: Final = Membership.Role.OWNER
Document = dict[str, Any]
"""A person by the names of SCIM: `userName`, `externalId`, `name`, `displayName`, `emails`, and `active`, which is kept
in the membership; None leaves that as it is."""
Change = Callable[[Document], Document]


def query_people() -> QuerySet[DirectoryPerson]:
    """Return the people that the directory has pushed and not deleted, with `is_active`; for the directory."""
    active = Membership.objects.filter(user_id=OuterRef("user_id"), is_active=True)
    rows: QuerySet[DirectoryPerson] = DirectoryPerson.objects.filter(gone_at=None).annotate(is_active=Exists(active))
    return rows


def digest_of_user_name(user_name: str) -> str:
    """Return the stored form of a user name, in the tenant's scope; capitals make no difference."""
    return blind_index(normalize("NFC", user_name.casefold()), column="accounts_directoryperson.user_name")


def said_of(row: DirectoryPerson) -> Document:
    """Return a person of `query_people` as the directory knows them."""
    return {**row.document, "active": row.is_active}  # type: ignore[attr-defined]  # annotated


def version_of(row: DirectoryPerson) -> str:
    """Return what changes with a person of `query_people`."""
    return f"{int(row.changed_at.timestamp() * 1_000_000):x}-{row.is_active:d}"  # type: ignore[attr-defined]


def add_person(*, actor: Actor, directory: Directory, document: Document) -> DirectoryPerson:
    """Make a member of a person that the directory pushes for the first time.

    They get an account of this organisation alone, unless they have signed in under this `externalId`, or are an active
    member with this address. Who was deleted in the directory and comes back under it is the same person. For the
    directory. Needs `accounts.manage_membership` and every permission of the role. Raises `Refused`, `Invalid` with the
    fields, and `Conflict` ("uniqueness", "last_owner", "emergency_owner"). Writes `DIRECTORY_PERSON_ADDED`.
    """
    actor.require(MANAGE)
    is_active = document.pop("active", None) is not False
    address, moment = _checked(document), clock_now()
    found = _digests(document)
    try:
        with transaction.atomic():
            advisory_lock("people of the company sign-in")
            same = Q(user_name=found["user_name"]) | (~Q(external="") & Q(external=found["external"]))
            if DirectoryPerson.objects.filter(same, gone_at=None).exists():
                raise Conflict(TAKEN, code="uniqueness")
            row = DirectoryPerson.objects.filter(external=found["external"]).exclude(external="").first()
            if row is None:
                known = find_connected(directory, document.get("externalId") or "") or find_member(address)
                row = DirectoryPerson(user=known or make_account(_claims(document), address))
            held = _hold(row.user_id)
            row.document, row.changed_at, row.due_at, row.gone_at = document, moment, moment, None
            row.user_name, row.external = found["user_name"], found["external"]
            row.save()
            follow_document(row.user, document, address)
            if row.user_id not in held and not is_active:
                # To be known, and to be erased, somebody has to be a member, or have been one.
                role = directory.provider.default_role
                Membership.objects.create(user_id=row.user_id, role=role, is_active=False)
            _switch(actor, directory, held, row.user, is_active=is_active)
            chain.note(actor, "DIRECTORY_PERSON_ADDED", row, active=is_active)
    except IntegrityError:  # another was renamed meanwhile
        raise Conflict(TAKEN, code="uniqueness") from None
    return get_person(row.pk)


def get_person(person_id: UUID) -> DirectoryPerson:
    """Return a person of `query_people`. Raises `NotFound`."""
    return get_or_missing(query_people().filter(pk=person_id), MISSING)


def revise_person(
    *, actor: Actor, directory: Directory, person_id: UUID, change: Change, seen: Collection[str] = ()
) -> DirectoryPerson:
    """Change a person, switch them off or on again. Writes nothing where nothing changes.

    Off ends their sessions, tokens and API keys, closes their pages, and returns their open work. On again they have
    the role that they had, but never owner. `change` makes the new document of the one of now, and is called again
    under the lock. For the directory. Needs `accounts.manage_membership` and every permission of the role. Raises
    `Refused` ("made_the_token"), `NotFound`, `Invalid` with the fields, and `Conflict` ("stale_version", "uniqueness",
    "last_owner", "emergency_owner", "erased"). Writes `DIRECTORY_PERSON_CHANGED` with the fields.
    """
    actor.require(MANAGE)
    row = get_person(person_id)
    check_seen(version_of(row), seen)
    if _wanted(row, change) == said_of(row):
        return row
    try:
        with transaction.atomic():
            held = _hold(row.user_id)
            rows = query_people().select_for_update(of=("self",)).select_related("user")
            row = get_or_missing(rows.filter(pk=person_id), MISSING)
            check_seen(version_of(row), seen)
            before, document = said_of(row), _wanted(row, change)
            changed = sorted(name for name in {*before, *document} if before.get(name) != document.get(name))
            is_active = document.pop("active")
            address, found = _checked(document), _digests(document)
            row.document, row.changed_at = document, clock_now()
            row.user_name, row.external = found["user_name"], found["external"]
            row.due_at = row.changed_at if is_active else row.due_at
            row.save()
            follow_document(row.user, document, address)
            _switch(actor, directory, held, row.user, is_active=is_active)
            chain.note(actor, "DIRECTORY_PERSON_CHANGED", row, fields=changed)
    except IntegrityError:
        raise Conflict(TAKEN, code="uniqueness") from None
    return get_person(person_id)


def remove_person(*, actor: Actor, directory: Directory, person_id: UUID, seen: Collection[str] = ()) -> None:
    """Take a person out of the directory: they are switched off here, and never erased.

    For the directory. Needs `accounts.manage_membership` and every permission of the role. Raises `Refused`
    ("made_the_token"), `NotFound`, and `Conflict` ("stale_version", "last_owner", "emergency_owner"). Writes
    `DIRECTORY_PERSON_REMOVED`.
    """
    actor.require(MANAGE)
    user_id = get_person(person_id).user_id
    with transaction.atomic():
        held = _hold(user_id)
        rows = query_people().select_for_update(of=("self",)).select_related("user")
        row = get_or_missing(rows.filter(pk=person_id), MISSING)
        check_seen(version_of(row), seen)
        DirectoryMember.objects.filter(person=row).delete()
        row.document, row.user_name, row.due_at = {}, "", None
        row.changed_at = row.gone_at = clock_now()
        row.save()
        _switch(actor, directory, held, row.user, is_active=False)
        chain.note(actor, "DIRECTORY_PERSON_REMOVED", row)


def check_seen(version: str, seen: Collection[str]) -> None:
    """Raise `Conflict` ("stale_version") unless what was seen, if anything, is the version of now."""
    if seen and version not in seen:
        raise Conflict(STALE, code="stale_version")


def _wanted(row: DirectoryPerson, change: Change) -> Document:
    before = said_of(row)
    document = change(dict(before))
    if document.get("active") is None:
        document["active"] = before["active"]
    return document


def _hold(user_id: UUID) -> dict[UUID, Membership]:
    """Lock a person's membership and those of all owners, in one order: of two who end each other, one remains."""
    wanted = Q(user_id=user_id) | Q(role=OWNER, is_active=True)
    # Before the members' rows, as where the rule changes.
    advisory_lock(SIGN_IN_RULE, shared=True)
    rows = Membership.objects.select_for_update(no_key=True).filter(wanted).order_by("pk")
    return {one.user_id: one for one in rows}


def _switch(actor: Actor, directory: Directory, held: dict[UUID, Membership], user: User, *, is_active: bool) -> None:
    """Open or close the membership of a person, unless it is so already. Writes the audit entry of members."""
    membership = held.get(user.pk)
    if is_active and (membership is None or not membership.is_active):
        # Owners are made by owners.
        was = membership.role if membership is not None else OWNER
        if was == OWNER or not is_role(was):  # a role of one's own is deleted while former members have it
            was = directory.provider.default_role
        add_member(actor=actor, user=user, role=was)
    if is_active or membership is None or not membership.is_active:
        return
    refuse_maker(directory, user.pk)
    refuse_higher_role(actor, membership.role)
    refuse_emergency_owner(membership)
    others = [one for one in held.values() if one.role == OWNER and one.is_active and one.pk != membership.pk]
    if membership.role == OWNER and not others:
        raise Conflict("This is the last owner. Make someone else an owner first.", code="last_owner")
    close_membership(membership)
    chain.record(actor, "MEMBER_REMOVED", "accounts.membership", membership.pk, old_state=membership.role)


def find_connected(directory: Directory, external: str) -> User | None:
    """Return who has signed in under an id that is also the directory's, unless the directory has pushed them already.

    Former members as well: the provider has proven who it is.
    """
    identity = find_identity(directory.provider, external) if directory.person_claim == "sub" and external else None
    if identity is None or DirectoryPerson.objects.filter(user_id=identity.user_id).exists():
        return None
    return identity.user


def find_member(address: str) -> User | None:
    """Return an active member with an address, unless the directory has pushed them already.

    Former ones aren't looked at: the address may be somebody else's by now, and an old password must not open again.
    """
    # What another organisation's provider says of an account that it made is nothing to go by.
    ours = Q(user__company_address__iexact=address, user_id__in=Identity.objects.values("user_id"))
    same = Q(user__email__iexact=address) | ours
    pushed = DirectoryPerson.objects.values("user_id")
    members = Membership.objects.select_related("user").filter(same, is_active=True, erased_at=None)
    member = members.exclude(user_id__in=pushed).order_by("pk").first()
    return member.user if member is not None else None


def follow_document(user: User, document: Document, address: str) -> None:
    """Let name and address of an account that belongs to this organisation alone be those of the directory."""
    first, last = (clean_name(name) for name in names_of(_claims(document)))
    wanted = {"first_name": first, "last_name": last, "company_address": address}
    if not user.company_address or all(getattr(user, name) == value for name, value in wanted.items()):
        return
    if all(one.tenant_id == current_tenant_id() for one in memberships_of(user.pk)):
        User.objects.filter(pk=user.pk).update(**wanted, updated_at=clock_now())


def _claims(document: Document) -> dict[str, Any]:
    """Return a person's names as a provider would say them."""
    name = document.get("name") or {}
    return {
        "given_name": name.get("givenName"),
        "family_name": name.get("familyName"),
        "name": document.get("displayName") or name.get("formatted"),
    }


def _digests(document: Document) -> dict[str, str]:
    external = document.get("externalId") or ""
    return {
        "user_name": digest_of_user_name(document["userName"]),
        "external": digest_of_external(external) if external else "",
    }


def _checked(document: Document) -> str:
    """Return the address that mail goes to: the primary one, one for work, any other, or the user name."""
    emails = document.get("emails") or []
    texts = {name: document.get(name) or "" for name in ("userName", "externalId", "displayName")}
    texts |= {f"name.{part}": said for part, said in (document.get("name") or {}).items()}
    for number, one in enumerate(emails):
        texts |= {f"emails[{number}].{part}": one.get(part) or "" for part in ("value", "type")}
    problems = {name: text_problem(text, LONGEST, needed=name == "userName") for name, text in texts.items()}
    if len(emails) > MOST_ADDRESSES:
        problems["emails"] = f"Say at most {MOST_ADDRESSES} addresses."
    check_fields(problems)
    ordered = sorted(emails, key=lambda one: (not one.get("primary"), one.get("type") != "work"))
    found = (address_of({"email": said}) for said in (*(one.get("value") for one in ordered), document["userName"]))
    address = next(filter(None, found), "")
    if not address:
        problem = "Mail has to reach the person: say an address in emails, or as userName."
        raise Invalid(problem, fields={"emails": [problem]})
    return address
