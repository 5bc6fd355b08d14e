"""The audit list: who did what to what, and whether the chain is whole."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, ClassVar

from django.apps import apps
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from console.actions import service_action
from console.bases import ServiceAdmin
from console.forms import ConsoleForm
from console.lists import SelectFilter, choose, since
from console.navigation import Nav
from console.people import name_in, names_of
from console.templatetags.console_ui import chip, clock
from core import audit
from core.models import AuditEntry

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
    with suppress(LookupError, ValueError):
        return str(capfirst(apps.get_model(code)._meta.verbose_name))
    return code.rsplit(".", maxsplit=1)[-1].replace("_", " ").capitalize()


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
]


@admin.register(AuditEntry)
class AuditEntryAdmin(ServiceAdmin):
    """The tamper-evident record, newest first."""

    view_permission = "core.view_auditentry"
    nav = Nav("Audit", "shield", group="Oversight", order=70)
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
        "auth_strength",
        "recorded_facts",
        "hash",
        "previous_hash",
    )

    def prepare_rows(self, request: HttpRequest, rows: list[AuditEntry]) -> None:
        """Read the names of all people on the page at once."""
        names = names_of(entry.actor_user_id for entry in rows)
        for entry in rows:
            entry.who_name = name_in(names, entry.actor_user_id, otherwise=entry.actor_name or "")  # type: ignore[attr-defined]

    def object_title(self, entry: AuditEntry) -> str:
        """Return its number and what was done."""
        return f"#{entry.seq} {words(entry.action)}"

    @admin.display(description="No.")
    def number(self, entry: AuditEntry) -> str:
        """Return the entry's number in the chain."""
        return f"#{entry.seq}"

    @admin.display(description="When")
    def happened(self, entry: AuditEntry) -> Any:
        """Return the time."""
        return entry.at

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
        label = f"{words(entry.object_type)} {str(entry.object_id)[-6:]}"
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
        after = chip(words(entry.new_state))
        return format_html("{} → {}", words(entry.old_state), after) if entry.old_state else after

    @admin.display(description="Facts")
    def recorded_facts(self, entry: AuditEntry) -> str:
        """Return the recorded ids and numbers as text."""
        return ", ".join(f"{words(key)}: {value}" for key, value in sorted(entry.facts.items())) or "–"

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
        verdict = audit.verify()
        if verdict.ok:
            return f"The chain is whole: {verdict.entries} entries verified."
        messages.error(request, f"The chain is broken at entry #{verdict.first_bad}: {verdict.reason}.")
        return ""
