"""Console pages of the audit log, and its verification."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Any, ClassVar
from uuid import UUID

from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import FieldDoesNotExist
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from accounts.models import RevealGrant
from accounts.permissions.operators import ROLE as OPERATOR
from console.base.actions import service_action
from console.base.forms import ConsoleForm
from console.base.lists import Column, SelectFilter, choose, since
from console.base.model_admin import ReadOnlyAdmin, ServiceAdmin
from console.names import name_in, names_of
from console.navigation import DATA, SETTINGS, Nav
from console.templatetags.console_ui import chip, clock
from console.viewers import viewer_of
from core.actors import Actor
from core.audit import chain, vouched
from core.models import AuditEntry
from core.privacy.pii import mask_text

RECENT = 2000
MOST_SHOWN = 20
"""Records that don't match, on the page; `verify_audit` lists all."""
MOVES = {
    "propose": "requested",
    "approve": "approved",
    "reject": "rejected",
    "claim": "started",
    "succeed": "executed",
    "fail": "failed",
    "expire": "expired",
    "cancel": "cancelled",
    "supersede": "replaced by a newer request",
    "hold": "put on hold",
    "release": "released",
    "revoke": "revoked",
    "resolve": "outcome recorded by a person",
    "escalate": "escalated",
    "delegate": "delegated",
    "reassign": "approver changed",
    "override": "overridden",
    "send_back": "sent back",
    "resubmit": "resubmitted",
    "edit": "edited before approval",
}
NOUNS = {
    "Pii": "Personal data",
    "Cap": "Spending limit",
    "Tenant": "Organisation",
    "Membership": "Member",
    "Killswitch": "Emergency stop",
}
NAMES = {
    "KILLSWITCH_ACTIVATED": "Emergency stop activated",
    "hitl.killswitch": "Emergency stop",
    "hitl.globalkillswitch": "Emergency stop of the installation",
    "hitl.decisiontoken": "Approve-by-email link",
    "hitl.approvalnote": "Note on a request",
    "hitl.seal": "Seal of a request",
    "APPROVAL_SEALED": "Request sealed again",
    "hitl.rules": "Rules",
    "APPROVAL_FLAGGED": "Flag set",
    "APPROVAL_UNFLAGGED": "Flag cleared",
    "ATTEMPT_REFUSED": "Attempt refused",
    "ATTEMPTS_REFUSED": "More attempts refused",
    "REFUSALS_FREQUENT": "Many attempts refused",
    "core.refusal": "Refusal",
    "analytics.briefpreference": "Daily brief",
}
STATES = {
    "hitl.approval": {
        "pending": "Waiting",
        "info_requested": "Question asked",
        "returned": "Sent back",
        "executing": "Being executed",
        "unknown": "Outcome unknown",
        "executed": "Executed",
        "superseded": "Replaced",
    },
    "conversations.conversation": {"person": "A person answers", "agent": "The agent answers"},
}


STRENGTHS = {
    "none": "–",
    "password": "Password",
    "key": "Security key or passkey",
    "company": "Company sign-in",
    "mfa": "Password and second factor",
    "api_key": "API key",
    "link": "Link from an email or WhatsApp message",
    "slack": "Button in Slack",
}
VALUES = {"recovery_codes": "recovery codes", "totp": "authenticator app"}


class RecentValuesFilter(SelectFilter):
    """Offers the values of the newest entries."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the distinct values of the newest entries."""
        newest = AuditEntry.objects.order_by("-seq").values("pk")[:RECENT]
        values = AuditEntry.objects.filter(pk__in=newest).values_list(self.field, flat=True)
        return [(value, describe_code(value)) for value in sorted(set(values.order_by().distinct())) if value]


def describe_code(code: str) -> str:
    """Return words for a code such as `APPROVAL_APPROVE` or `hitl.approval`."""
    move = MOVES.get(code.removeprefix("APPROVAL_").lower()) if code.startswith("APPROVAL_") else None
    if move:
        return f"Approval {move}"
    if code in NAMES:
        return NAMES[code]
    with suppress(LookupError, ValueError):
        return _replace_noun(str(capfirst(apps.get_model(code)._meta.verbose_name)))
    text = code.rsplit(".", maxsplit=1)[-1].replace("_", " ").capitalize()
    return _replace_noun(text) if code.isupper() else text


def _replace_noun(text: str) -> str:
    """Use the pages' word for the noun a text begins with."""
    first, space, rest = text.partition(" ")
    return f"{NOUNS.get(first, first)}{space}{rest}"


def references_of(entries: Iterable[AuditEntry]) -> dict[UUID, str]:
    """Return references such as BR-1001 by object id, with one query per object type."""
    ids_by_type: dict[str, set[UUID]] = {}
    for entry in entries:
        ids_by_type.setdefault(entry.object_type, set()).add(entry.object_id)
    references: dict[UUID, str] = {}
    for object_type, ids in ids_by_type.items():
        with suppress(LookupError, ValueError, FieldDoesNotExist):
            model = apps.get_model(object_type)
            model._meta.get_field("reference")
            references.update(model._default_manager.filter(pk__in=ids).values_list("pk", "reference"))
    return references


def describe_value(value: Any) -> str:
    """Return words for a recorded value; lists are joined."""
    if isinstance(value, dict):
        return f"{len(value)} rows"
    if isinstance(value, list):
        return ", ".join(describe_value(part) for part in value)
    return VALUES.get(str(value), str(value))


class ActionFilter(RecentValuesFilter):
    """Filters by action."""

    title, parameter_name, field, any_label = "Action", "action", "action", "Any action"


class ObjectFilter(RecentValuesFilter):
    """Filters by object type."""

    title, parameter_name, field, any_label = "Object", "object", "object_type", "Any object"


ROLES = [
    ("owner", "Owner"),
    ("admin", "Admin"),
    ("approver", "Approver"),
    ("support", "Support"),
    ("compliance", "Compliance"),
    ("viewer", "Viewer"),
    ("system", "System"),
    (OPERATOR, "Operator"),
]


def actor_name(entry: AuditEntry, names: dict[UUID, str]) -> str:
    """Return the actor's name; operators of the installation are named in their own tenant only."""
    if entry.role == OPERATOR and entry.actor_user_id not in names:
        return "The operator"
    return name_in(names, entry.actor_user_id, otherwise=entry.actor_name or "")


@admin.register(AuditEntry)
class AuditEntryAdmin(ServiceAdmin):
    """The tamper-evident audit log, newest first."""

    view_permission = "core.view_auditentry"
    nav = Nav("Audit", "record", SETTINGS, DATA, order=10)
    intro = "Every decision, reveal and change. Entries are chained, so missing or altered ones are detected."
    empty_title = "Nothing recorded yet"
    list_display = ("number", "happened", "what", "who", "on_what", "states")
    list_filter: ClassVar = [ActionFilter, ObjectFilter, choose("role", "Role", ROLES), since("at")]
    ordering = ("-seq",)
    detail_fields = (
        "number",
        "exactly",
        "what",
        "who",
        "on_what",
        "states",
        "address",
        "signed_in",
        "recorded_facts",
        "hash",
        "previous_hash",
    )

    def prepare_rows(self, request: HttpRequest, rows: list[AuditEntry]) -> None:
        """Load names and references of all entries on the page at once."""
        names = names_of(entry.actor_user_id for entry in rows)
        references, viewer = references_of(rows), viewer_of(request)
        open_types = {name for name in {entry.object_type for entry in rows} if self._opens(name, viewer)}
        for entry in rows:
            entry.opens = entry.object_type in open_types  # type: ignore[attr-defined]
            entry.reference = references.get(entry.object_id, "")  # type: ignore[attr-defined]
            entry.who_name = actor_name(entry, names)  # type: ignore[attr-defined]

    def _opens(self, object_type: str, viewer: Actor) -> bool:
        """Return True if the viewer may open pages of this object type."""
        with suppress(LookupError, ValueError):
            page = self.admin_site._registry.get(apps.get_model(object_type))
            return isinstance(page, ReadOnlyAdmin) and page.opens_to(viewer)
        return False

    def object_title(self, entry: AuditEntry) -> str:
        """Return the entry's number and action."""
        return f"#{entry.seq} {describe_code(entry.action)}"

    number = Column[AuditEntry]("No.", lambda entry: f"#{entry.seq}")

    @admin.display(description="When")
    def happened(self, entry: AuditEntry) -> str:
        """Return the time to the second, to compare it with other records."""
        day, _, hour = self.exactly(entry).partition(", ")
        cell = '<time class="wk-number" datetime="{}">{} <span class="wk-cell-note">{}</span></time>'
        return format_html(cell, entry.at.isoformat(), day, hour)

    exactly = Column[AuditEntry]("When", lambda entry: clock(entry.at, "j M Y, H:i:s"))
    what = Column[AuditEntry]("What", lambda entry: describe_code(entry.action))

    @admin.display(description="Who")
    def who(self, entry: AuditEntry) -> str:
        """Return the person, agent or system component with its role."""
        name = getattr(entry, "who_name", "") or describe_code(entry.actor_kind)
        name = name if entry.actor_user_id else str(capfirst(name))
        note = entry.role if entry.actor_user_id else entry.actor_kind
        return format_html('{} <span class="wk-cell-note">{}</span>', name, describe_code(note))

    @admin.display(description="Object")
    def on_what(self, entry: AuditEntry) -> str:
        """Return a link to the object if it has a page."""
        label = getattr(entry, "reference", "") or f"{describe_code(entry.object_type)} {str(entry.object_id)[-6:]}"
        if not getattr(entry, "opens", False):
            return label
        try:
            url = reverse(f"admin:{entry.object_type.replace('.', '_')}_change", args=[entry.object_id])
        except NoReverseMatch:
            return label
        return format_html('<a class="wk-over" href="{}">{}</a>', url, label)

    @admin.display(description="State")
    def states(self, entry: AuditEntry) -> str:
        """Return old and new state."""
        if not entry.new_state:
            return "–"
        names = STATES.get(entry.object_type, {})
        before, after = (names.get(state) or describe_code(state) for state in (entry.old_state, entry.new_state))
        moved = entry.old_state and entry.old_state != entry.new_state
        return format_html("{} → {}", before, chip(after)) if moved else chip(after)

    signed_in = Column[AuditEntry](
        "Signed in with", lambda entry: STRENGTHS.get(entry.auth_strength, entry.auth_strength)
    )

    @admin.display(description="Details")
    def recorded_facts(self, entry: AuditEntry) -> str:
        """Return the recorded ids and numbers, and the reason of a reveal."""
        facts = [f"{describe_code(key)}: {describe_value(value)}" for key, value in sorted(entry.facts.items())]
        if entry.action == "PII_ACCESSED":
            reasons = RevealGrant.objects.filter(pk=entry.facts.get("grant")).values_list("reason", flat=True)
            facts += [f"Reason: {mask_text(reason)}" for reason in reasons]
        return "; ".join(facts) or "–"

    @service_action(
        title="Verify audit log",
        permission="core.view_auditentry",
        submit="Verify now",
        on_list=True,
        explain="Reads every entry of your organisation and recomputes the chain. Nothing is changed.",
    )
    def verify(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Verify the chain and show the result."""
        verdict, changed = chain.verify(), list(islice(vouched.problems(), MOST_SHOWN + 1))
        if not verdict.ok:
            messages.error(request, f"The audit log is broken at entry #{verdict.first_bad}: {verdict.reason}.")
        for problem in changed[:MOST_SHOWN]:
            messages.error(request, f"A record doesn't match the audit log: {problem}.")
        if len(changed) > MOST_SHOWN:
            messages.error(request, "More records don't match it. The command verify_audit names all of them.")
        return f"The audit log is intact: {verdict.entries} entries verified." if verdict.ok and not changed else ""
