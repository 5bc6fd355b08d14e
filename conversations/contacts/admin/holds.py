"""Legal holds on the page of a contact: the banner that says why their data stays, and placing and lifting one."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.urls import reverse

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.erasure_form import why_not_erase
from console.names import name_in, names_of
from console.viewers import viewer_of
from conversations.models import Contact
from conversations.retention import holds_on
from core.actors import Actor
from core.models import LegalHold
from core.privacy.retention import holds

PLACE: Final = "hold"
LIFT: Final = "lift-hold"
KEPT: Final = "This contact is on legal hold and can't be erased. Lift the hold first, or wait until it is."
Subject = LegalHold.Subject
WHOSE: Final = {
    Subject.ORGANISATION: "everything of the organisation",
    Subject.CONTACT: "this contact",
    Subject.CONVERSATION: "one of their conversations",
}


class ContactHoldForm(ConsoleForm):
    """For which case a contact is held."""

    reference = forms.CharField(
        label="Case", max_length=60, help_text="The case's number. No names: it is kept for good."
    )


class LiftForm(ConsoleForm):
    """Which hold is lifted."""

    hold_id = forms.TypedChoiceField(label="Case", coerce=UUID)

    def offer(self, found: list[LegalHold]) -> None:
        """Offer the holds on the contact itself."""
        choices = [(str(row.pk), row.reference) for row in found]
        self.fields["hold_id"].choices = choices  # type: ignore[attr-defined]


class HoldActions(ServiceAdmin):
    """Places and lifts legal holds on a contact, and shows what keeps it."""

    def holds_of(self, contact: Contact) -> list[LegalHold]:
        """Return what holds a contact; read once for each page."""
        found: list[LegalHold] | None = getattr(contact, "holds", None)
        if found is None:
            found = contact.holds = holds_on(contact)  # type: ignore[attr-defined]
        return found

    def own_holds(self, contact: Contact) -> list[LegalHold]:
        """Return the holds on the contact itself, which its page can lift."""
        return [row for row in self.holds_of(contact) if row.subject_type == Subject.CONTACT]

    def why_not_hold(self, action: ServiceAction, contact: Contact) -> str:
        """Return why no hold can be placed or lifted here, or ""."""
        if action.path == PLACE:
            return "This contact has been erased." if contact.erased_at is not None else ""
        return "" if self.own_holds(contact) else "There is no legal hold on this contact itself."

    def why_not_erase(self, request: HttpRequest, contact: Contact) -> str:
        """Return why a contact can't be erased by the viewer, or ""."""
        if contact.erased_at is not None:
            return "This contact has been erased."
        return KEPT if self.holds_of(contact) else why_not_erase(request)

    def hold_banner(self, viewer: Actor, contact: Contact) -> dict[str, Any] | None:
        """Return since when and why a contact is kept, None if it isn't; the case is for who may see holds."""
        found = self.holds_of(contact)
        if not found:
            return None
        may_see = viewer.may(holds.VIEW)
        names = names_of(row.placed_by for row in found) if may_see else {}
        lines = [
            {
                "on": WHOSE[Subject(row.subject_type)],
                "since": row.placed_at,
                "case": row.reference if may_see else "",
                "by": name_in(names, row.placed_by) if may_see else "",
            }
            for row in found
        ]
        return {"lines": lines, "url": reverse("admin:core_legalhold_changelist") if may_see else ""}

    @service_action(
        path=PLACE, title="Place a legal hold…", permission=holds.MANAGE, form=ContactHoldForm, submit="Place the hold",
        explain="Until you lift the hold, nothing about this contact is deleted, neither by age nor by an erasure.",
    )  # fmt: skip
    def place_hold(self, request: HttpRequest, contact: Contact, form: ConsoleForm) -> str:
        """Hold the contact."""
        case = form.cleaned_data["reference"]
        holds.place_hold(actor=viewer_of(request), subject_type=Subject.CONTACT, subject_id=contact.pk, reference=case)
        return "The hold is placed."

    @service_action(
        path=LIFT, title="Lift a legal hold…", permission=holds.MANAGE, form=LiftForm, submit="Lift the hold",
        tone="danger", explain="Data past its retention time is deleted within the hour, for good.",
    )  # fmt: skip
    def lift_hold(self, request: HttpRequest, contact: Contact, form: ConsoleForm) -> str:
        """End a hold on the contact."""
        holds.lift_hold(actor=viewer_of(request), hold_id=form.cleaned_data["hold_id"])
        return "The hold is lifted."
