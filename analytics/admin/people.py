"""The button on the pages of contacts and members that requests all that is held about them."""

from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.http import HttpResponseRedirect

from accounts.models import Membership
from analytics.exports.jobs import link_to
from analytics.exports.people.requests import export_contact, export_member
from analytics.exports.people.subjects import ContactSubject, MemberSubject
from analytics.models import Export
from console.base.actions import ServiceAction, register_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from conversations.models import Contact

EXPLAIN: Final = (
    "The file has all that is held about this person: to read, for programs, and their own files. Other people's data "
    "is masked. Someone else who may erase people has to agree within a day. You get a notice when it's ready; it's "
    "kept for seven days."
)


class PersonExportForm(ConsoleForm):
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Such as their request and its day. Shown to the person who decides.",
    )


def _why_no_contact(contact: Contact) -> str:
    if contact.erased_at is not None:
        return "This contact has been erased."
    return "" if contact.merged_into_id is None else "This contact was merged into another one. Export that one."


def _why_no_member(membership: Membership) -> str:
    return "" if membership.erased_at is None else "This person was erased."


def _action(service: Callable[..., Export], key: str, permission: str, why_not: Callable[[Any], str]) -> ServiceAction:
    return calls(
        service,
        key,
        path="export-person",
        title="Export what is held about them",
        permission=permission,
        form=PersonExportForm,
        submit="Request the export",
        explain=EXPLAIN,
        in_menu=True,
        why_not=why_not,
        done=lambda export: HttpResponseRedirect(link_to(export)),
    )


register_action(Contact, _action(export_contact, "contact_id", ContactSubject.permission, _why_no_contact))
register_action(Membership, _action(export_member, "membership_id", MemberSubject.permission, _why_no_member))
