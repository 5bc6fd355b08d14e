"""The audit list: who did what to what, and whether the chain is whole."""

from collections.abc import Iterable
from contextlib import suppress
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
from console.base.lists import SelectFilter, choose, since
from console.base.model_admin import ReadOnlyAdmin, ServiceAdmin
from console.names import name_in, names_of
from console.navigation import Nav
from console.templatetags.console_ui import chip, clock
from console.viewers import viewer_of
from core.actors import Actor
from core.audit import chain
from core.models import AuditEntry
from core.privacy.pii import mask_text

RECENT = 2000
MOVES = {
    "propose": "asked for",
    "approve": "approved",
    "reject": "rejected",
    "claim": "started",
    "succeed": "carried out",
    "fail": "failed",
    "expire": "expired",
    "cancel": "cancelled",
    "supersede": "replaced by a newer one",
    "hold": "put on hold",
    "release": "released",
    "revoke": "taken back",
    "resolve": "outcome settled by a person",
    "escalate": "escalated",
    "delegate": "seat passed on",
    "reassign": "seat given to another",
    "override": "overridden",
    "send_back": "sent back",
    "resubmit": "sent in again",
    "edit": "changed before signing",
}
NOUNS = {
    "Pii": "Personal data",
    "Cap": "Limit",
    "Tenant": "Organisation",
    "Member": "Seat",
    "Membership": "Seat",
    "Kill": "Stop",
    "Killswitch": "Stop switch",
}
THINGS = {
    "hitl.globalkillswitch": "Stop switch of the installation",
    "hitl.decisiontoken": "Decision link",
    "analytics.briefpreference": "Daily brief",
}
STATES = {
    "hitl.approval": {
        "pending": "Waiting",
        "info_requested": "Question asked",
        "returned": "Sent back",
        "executing": "Being carried out",
        "unknown": "Outcome unknown",
        "executed": "Carried out",
        "superseded": "Replaced",
    },
    "conversations.conversation": {"person": "A person answers", "agent": "The agent answers"},
}


STRENGTHS = {
    "none": "–",
    "password": "Password",
    "mfa": "Password and second factor",
    "api_key": "API key",
    "link": "The link of a mail",
}
VALUES = {"recovery_codes": "recovery codes", "totp": "authenticator app"}


class SeenFilter(SelectFilter):
    """Offers the values that the newest entries hold."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the distinct values of the newest entries."""
        newest = AuditEntry.objects.order_by("-seq").values("pk")[:RECENT]
        found = AuditEntry.objects.filter(pk__in=newest).values_list(self.field, flat=True)
        return [(value, words(value)) for value in sorted(set(found.order_by().distinct())) if value]


def words(code: str) -> str:
    """Turn a code such as `APPROVAL_APPROVE` or `hitl.approval` into words."""
    move = MOVES.get(code.removeprefix("APPROVAL_").lower()) if code.startswith("APPROVAL_") else None
    if move:
        return f"Approval {move}"
    if code in THINGS:
        return THINGS[code]
    with suppress(LookupError, ValueError):
        return plain(str(capfirst(apps.get_model(code)._meta.verbose_name)))
    text = code.rsplit(".", maxsplit=1)[-1].replace("_", " ").capitalize()
    return plain(text) if code.isupper() else text


def plain(text: str) -> str:
    """Say the thing that a text begins with as the pages do."""
    first, space, rest = text.partition(" ")
    return f"{NOUNS.get(first, first)}{space}{rest}"


def references_of(entries: Iterable[AuditEntry]) -> dict[UUID, str]:
    """Return what people call the things that have a reference, such as BR-1001, with one query for each kind."""
    wanted: dict[str, set[UUID]] = {}
    for entry in entries:
        wanted.setdefault(entry.object_type, set()).add(entry.object_id)
    found: dict[UUID, str] = {}
    for object_type, ids in wanted.items():
        with suppress(LookupError, ValueError, FieldDoesNotExist):
            model = apps.get_model(object_type)
            model._meta.get_field("reference")
            found.update(model._default_manager.filter(pk__in=ids).values_list("pk", "reference"))
    return found


def value_in_words(value: Any) -> str:
    """Write a list as its parts, and a code as words."""
    if isinstance(value, list):
        return ", ".join(value_in_words(part) for part in value)
    return VALUES.get(str(value), str(value))


class ActionFilter(SeenFilter):
    """By what was done."""

    title, parameter_name, field, any_label = "Action", "action", "action", "Any action"


class ObjectFilter(SeenFilter):
    """By the kind of thing."""

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


def who_of(entry: AuditEntry, names: dict[UUID, str]) -> str:
    """Return who it was; an operator of the installation is named in his own organisation only."""
    if entry.role == OPERATOR and entry.actor_user_id not in names:
        return "The operator"
    return name_in(names, entry.actor_user_id, otherwise=entry.actor_name or "")


@admin.register(AuditEntry)
class AuditEntryAdmin(ServiceAdmin):
    """The tamper-evident record, newest first."""

    view_permission = "core.view_auditentry"
    nav = Nav("Audit", "record", group="Oversight", order=70)
    intro = "Every decision, view and change, chained so that a missing or altered entry is found."
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
        """Read the names of all people on the page at once."""
        names = names_of(entry.actor_user_id for entry in rows)
        references, viewer = references_of(rows), viewer_of(request)
        open_types = {name for name in {entry.object_type for entry in rows} if self._opens(name, viewer)}
        for entry in rows:
            entry.opens = entry.object_type in open_types  # type: ignore[attr-defined]
            entry.reference = references.get(entry.object_id, "")  # type: ignore[attr-defined]
            entry.who_name = who_of(entry, names)  # type: ignore[attr-defined]

    def _opens(self, object_type: str, viewer: Actor) -> bool:
        """Tell whether the viewer may open pages of that kind of thing."""
        with suppress(LookupError, ValueError):
            page = self.admin_site._registry.get(apps.get_model(object_type))
            return isinstance(page, ReadOnlyAdmin) and page.opens_to(viewer)
        return False

    def object_title(self, entry: AuditEntry) -> str:
        """Return its number and what was done."""
        return f"#{entry.seq} {words(entry.action)}"

    @admin.display(description="No.")
    def number(self, entry: AuditEntry) -> str:
        """Return the entry's number in the chain."""
        return f"#{entry.seq}"

    @admin.display(description="When")
    def happened(self, entry: AuditEntry) -> str:
        """Return the time to the second: a record is compared with others."""
        day, _, hour = self.exactly(entry).partition(", ")
        cell = '<time class="wk-number" datetime="{}">{} <span class="wk-cell-note">{}</span></time>'
        return format_html(cell, entry.at.isoformat(), day, hour)

    @admin.display(description="When")
    def exactly(self, entry: AuditEntry) -> str:
        """Return the time to the second."""
        return clock(entry.at, "j M Y, H:i:s")

    @admin.display(description="What")
    def what(self, entry: AuditEntry) -> str:
        """Return what was done in words."""
        return words(entry.action)

    @admin.display(description="Who")
    def who(self, entry: AuditEntry) -> str:
        """Return the person, agent or part of the system with its role."""
        name = getattr(entry, "who_name", "") or words(entry.actor_kind)
        name = name if entry.actor_user_id else str(capfirst(name))
        note = entry.role if entry.actor_user_id else entry.actor_kind
        return format_html('{} <span class="wk-cell-note">{}</span>', name, words(note))

    @admin.display(description="Object")
    def on_what(self, entry: AuditEntry) -> str:
        """Return a link to the thing where it has a page."""
        label = getattr(entry, "reference", "") or f"{words(entry.object_type)} {str(entry.object_id)[-6:]}"
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
        before, after = (names.get(state) or words(state) for state in (entry.old_state, entry.new_state))
        moved = entry.old_state and entry.old_state != entry.new_state
        return format_html("{} → {}", before, chip(after)) if moved else chip(after)

    @admin.display(description="Signed in with")
    def signed_in(self, entry: AuditEntry) -> str:
        """Return how sure it was who acted."""
        return STRENGTHS.get(entry.auth_strength, entry.auth_strength)

    @admin.display(description="Facts")
    def recorded_facts(self, entry: AuditEntry) -> str:
        """Return the recorded ids and numbers as text, and the reason for which personal data was shown."""
        told = [f"{words(key)}: {value_in_words(value)}" for key, value in sorted(entry.facts.items())]
        if entry.action == "PII_ACCESSED":
            reasons = RevealGrant.objects.filter(pk=entry.facts.get("grant")).values_list("reason", flat=True)
            told += [f"Reason: {mask_text(reason)}" for reason in reasons]
        return "; ".join(told) or "–"

    @service_action(
        path="verify",
        title="Verify the chain",
        permission="core.view_auditentry",
        submit="Verify now",
        on_list=True,
        explain="Reads every entry of your organisation and recomputes the chain. It changes nothing.",
    )
    def verify(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Walk the chain and say what came out."""
        verdict = chain.verify()
        if verdict.ok:
            return f"The chain is whole: {verdict.entries} entries verified."
        messages.error(request, f"The chain is broken at entry #{verdict.first_bad}: {verdict.reason}.")
        return ""
