"""Say where the audit log goes: add, change and remove destinations, pause and resume them, and try one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.urls import reverse

from accounts.versioning import lock_version, unique
from core import notices
from core.actors import Actor
from core.audit import chain
from core.audit.selectors import VIEW
from core.clock import now as clock_now
from core.db.locks import advisory_lock, locked
from core.errors import Conflict, Invalid, Unavailable, check_fields
from core.models import AuditHead
from core.reliability.rate_limit import limit_per_hour
from core.text.clean import text_problem
from integrations.siem import senders
from integrations.siem.errors import SendFailed, describe
from integrations.siem.lines import line_of_test
from integrations.siem.models import NAME_LIMIT, AuditDestination
from integrations.siem.selectors import MISSING, get_destination
from integrations.siem.senders import Kind

MANAGE: Final = "integrations.manage_connection"
"""Besides the right to read the audit log: nobody sends away what they may not read."""
MOST: Final = 5
TOKEN_LIMIT: Final = 1000
AUTHORITY_LIMIT: Final = 50_000
TESTS_PER_HOUR: Final = 60
TAKEN: Final = "There is a destination of this name."
NOT_PUBLIC: Final = describe("private_address")
NOTICE: Final = "audit_destination"
FROM_NOW: Final[dict[str, Any]] = {"lease_until": None, "fence": F("fence") + 1}
"""Takes a destination from the worker that has it, and lets the next sweep send."""


notices.register_kind(NOTICE, "Audit log", "shield")


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """Where entries go and how: `host:port` for syslog, else an address; the CA as PEM, if it is one's own."""

    name: str
    kind: str
    address: str
    token: str = field(default="", repr=False)
    authority: str = ""


def add_destination(*, actor: Actor, wanted: DestinationSettings, sends_all: bool = False) -> AuditDestination:
    """Add a destination, which gets the entries from now on, or the whole log.

    Needs `core.view_auditentry` and `integrations.manage_connection`. Raises `Invalid` with the fields, `Conflict`
    ("exists", "too_many"). Writes `AUDIT_DESTINATION_ADDED`, and leaves others who may read the log a notice.
    """
    columns = _with_token(_checked(actor, wanted), None)
    rows = AuditDestination.objects
    with unique(actor, rows.filter(name=columns["name"]), TAKEN):
        advisory_lock("audit-destinations")
        if rows.count() >= MOST:
            raise Conflict(f"Your organisation has {MOST} destinations already.", code="too_many", limit=MOST)
        seq, last_hash = (None if sends_all else AuditHead.objects.values_list("seq", "hash").first()) or (0, "")
        row = rows.create(**columns, sent_seq=seq, sent_hash=last_hash)
        _record(actor, "AUDIT_DESTINATION_ADDED", row, notice="The audit log goes to a new security system")
    return get_destination(viewer=actor, destination_id=row.pk)


def revise_destination(
    *, actor: Actor, destination_id: UUID, wanted: DestinationSettings, seen_version: int | None = None
) -> AuditDestination:
    """Change a destination; it goes on after the last entry that was sent.

    An empty token keeps the current one, which never moves to another address. Needs `core.view_auditentry` and
    `integrations.manage_connection`. Raises `NotFound`, `Invalid` with the fields, `Conflict` ("exists",
    "stale_version"). Writes `AUDIT_DESTINATION_REVISED`, and leaves others who may read the log a notice if more than
    the name is changed: a token alone can lead to another account, and a wrong CA to nobody.
    """
    checked = _checked(actor, wanted)
    rows = AuditDestination.objects
    with unique(actor, rows.filter(name=checked["name"]).exclude(pk=destination_id), TAKEN):
        row = lock_version(actor, AuditDestination, destination_id, seen_version, MISSING)
        columns = _with_token(checked, row)
        is_moved = any(getattr(row, name) != value for name, value in columns.items() if name != "name")
        rows.filter(pk=row.pk).update(**columns, version=row.version + 1, **FROM_NOW)
        row.refresh_from_db()
        notice = "Where or how the audit log is sent was changed" if is_moved else ""
        _record(actor, "AUDIT_DESTINATION_REVISED", row, notice=notice)
    return get_destination(viewer=actor, destination_id=destination_id)


def remove_destination(*, actor: Actor, destination_id: UUID, seen_version: int | None = None) -> None:
    """Remove a destination with its token; nothing more is sent there.

    Needs `core.view_auditentry` and `integrations.manage_connection`. Raises `NotFound`, `Conflict` ("stale_version").
    Writes `AUDIT_DESTINATION_REMOVED`, and leaves others who may read the log a notice.
    """
    _require(actor)
    with transaction.atomic():
        row = lock_version(actor, AuditDestination, destination_id, seen_version, MISSING)
        AuditDestination.objects.filter(pk=row.pk).delete()
        _record(actor, "AUDIT_DESTINATION_REMOVED", row, notice="The audit log no longer goes to a security system")


def pause_destination(*, actor: Actor, destination_id: UUID) -> AuditDestination:
    """Let entries wait in the log; safe to repeat.

    Needs `core.view_auditentry` and `integrations.manage_connection`; raises `NotFound`. Writes
    `AUDIT_DESTINATION_PAUSED`, and leaves others who may read the log a notice.
    """
    return _set_paused(actor, destination_id, pauses=True)


def resume_destination(*, actor: Actor, destination_id: UUID) -> AuditDestination:
    """Send what has waited, then what is new; safe to repeat.

    Needs `core.view_auditentry` and `integrations.manage_connection`; raises `NotFound`. Writes
    `AUDIT_DESTINATION_RESUMED`.
    """
    return _set_paused(actor, destination_id, pauses=False)


def send_test(*, actor: Actor, destination_id: UUID) -> AuditDestination:
    """Send a line that is no entry, at once, also while it is paused.

    Not inside a transaction. Needs `core.view_auditentry` and `integrations.manage_connection`. Raises `NotFound`,
    `TooMany`, and `Unavailable` with what is wrong. Writes `AUDIT_DESTINATION_TESTED` first.
    """
    _require(actor)
    row = get_destination(viewer=actor, destination_id=destination_id)
    limit_per_hour(
        f"audit-test:{row.pk}", limit=TESTS_PER_HOUR, sentence="That was tested often. Wait an hour, then try again."
    )
    with transaction.atomic():
        _record(actor, "AUDIT_DESTINATION_TESTED", row)
    try:
        senders.send(row, [line_of_test(row.tenant_id, clock_now())])
    except SendFailed as failure:
        raise Unavailable(describe(failure.code), code=failure.code) from None
    return row


def _require(actor: Actor) -> None:
    actor.require(MANAGE)
    actor.require(VIEW)


def _checked(actor: Actor, wanted: DestinationSettings) -> dict[str, Any]:
    """Return the columns of checked settings.

    Asks the system's resolver. Raises `Refused`, and `Invalid` with all wrong fields.
    """
    _require(actor)
    columns = {
        "name": wanted.name.strip(),
        "kind": wanted.kind,
        "address": wanted.address.strip(),
        "token": "" if wanted.kind == Kind.SYSLOG else wanted.token.strip(),
        "authority": "\n".join(wanted.authority.strip().splitlines()),
    }
    name, token, authority = columns["name"], columns["token"], columns["authority"]
    is_header = token.isascii() and token.isprintable() and " " not in token and len(token) <= TOKEN_LIMIT
    check_fields(
        {
            "name": text_problem(name, NAME_LIMIT, needed=True) or ("" if name.isprintable() else "Use one line."),
            "kind": "" if wanted.kind in Kind.values else "Choose how entries are sent.",
            "address": senders.address_problem(wanted.kind, columns["address"]),
            "token": "" if is_header else f"Use at most {TOKEN_LIMIT:,} characters, without spaces.",
            "authority": text_problem(authority, AUTHORITY_LIMIT) or senders.authority_problem(authority),
        }
    )
    try:
        senders.addresses_of(*senders.target_of(wanted.kind, columns["address"]))
    except SendFailed:
        # The same words for a name that does not resolve: nobody learns which names exist inside a network.
        raise Invalid("Some fields are not valid.", fields={"address": [NOT_PUBLIC]}) from None
    return columns


def _with_token(columns: Mapping[str, Any], row: AuditDestination | None) -> dict[str, Any]:
    """Return the columns with the token that belongs to their address. Raises `Invalid`."""
    is_same = row is not None and (row.kind, row.address) == (columns["kind"], columns["address"])
    token = columns["token"] or (row.token if row is not None and is_same else "")
    is_moved = row is not None and row.token != "" and columns["kind"] != Kind.SYSLOG
    if not token and (is_moved or columns["kind"] == Kind.SPLUNK):
        raise Invalid("Some fields are not valid.", fields={"token": ["Enter the token for this address."]})
    return {**columns, "token": token}


def _set_paused(actor: Actor, destination_id: UUID, *, pauses: bool) -> AuditDestination:
    _require(actor)
    with transaction.atomic():
        row = locked(AuditDestination, destination_id, MISSING)
        if (row.paused_at is None) == pauses:
            paused_at = clock_now() if pauses else None
            AuditDestination.objects.filter(pk=row.pk).update(paused_at=paused_at, **FROM_NOW)
            action = "AUDIT_DESTINATION_PAUSED" if pauses else "AUDIT_DESTINATION_RESUMED"
            _record(actor, action, row, notice="The audit log is paused for a security system" if pauses else "")
    return get_destination(viewer=actor, destination_id=destination_id)


def _record(actor: Actor, action: str, row: AuditDestination, *, notice: str = "") -> None:
    """Write the audit entry, after a notice for the others who may read the log, if they are to know."""
    if notice:
        moment = clock_now()
        notices.leave_for_permission(
            VIEW,
            besides=actor.user_id,
            kind=NOTICE,
            title=notice,
            body="The audit log says who changed it. Check that this was meant to be.",
            link=f"{reverse('admin:core_auditentry_changelist')}?action={action}",
            level="alert",
            dedupe_key=f"{NOTICE}:{row.pk}:{action}:{moment.isoformat()}",
            now=moment,
        )
    host, _ = senders.target_of(row.kind, row.address)
    chain.note(actor, action, row, kind=row.kind, host=host, version=row.version)
