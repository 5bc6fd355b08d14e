"""What a contact's page shows of their customer number in the back office, and the forms that change it."""

from typing import Final

from django import forms
from django.urls import reverse

from console.base.actions import register_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from conversations.models import Contact
from conversations.registry import Panel, register_panel
from core.actors import Actor
from hub.customers import LINK, LONGEST, find_proven, link_customer
from hub.models import CustomerLink
from integrations.transactions.selectors import find_connection

HIDDEN: Final = "•••"
SHORTEST_WITH_END: Final = 6
"""The end of a number is shown if most of it stays hidden."""


class CustomerForm(ConsoleForm):
    customer = forms.CharField(
        label="Customer number",
        max_length=LONGEST,
        help_text="As your back office has it: letters, digits, hyphens and underscores.",
    )


def _why_not(contact: Contact) -> str:
    return "" if contact.erased_at is None else "This contact has been erased."


ACTIONS: Final = (
    calls(
        link_customer,
        "contact_id",
        title="Link customer number",
        path="link-customer",
        permission=LINK,
        form=CustomerForm,
        submit="Save",
        why_not=_why_not,
        explain="Agents then read this customer's transactions for the contact, and prepare refunds for them. It "
        "replaces a number that was linked before.",
        done="Customer number saved.",
    ),
    calls(
        link_customer,
        "contact_id",
        title="Remove customer number",
        path="unlink-customer",
        permission=LINK,
        submit="Remove",
        tone="danger",
        why_not=_why_not,
        values=lambda _form: {"customer": ""},
        explain="Agents no longer find this contact's transactions by it. Questions that the contact was asked already "
        "stay as they are.",
        done="Customer number removed.",
    ),
)


def make_panel(viewer: Actor, contact: Contact, clear: frozenset[str]) -> Panel | None:
    """Return a contact's customer number, masked unless revealed; nothing without a number and a back office."""
    if contact.erased_at is not None:
        return None
    link = CustomerLink.objects.filter(contact=contact).first()
    owner, origin = (contact.merged_into_id, contact.pk) if contact.merged_into_id else (contact.pk, None)
    number = link.customer if link else find_proven(owner, origin)
    if not number and find_connection() is None:
        return None
    end = number[-2:] if len(number) >= SHORTEST_WITH_END else ""
    context = {
        "number": number if "contact" in clear or not number else f"{HIDDEN}{end}",
        "link": link,
        "urls": {
            action.path.partition("-")[0]: reverse(
                f"admin:conversations_contact_{action.path.replace('-', '_')}", args=[contact.pk]
            )
            for action in ACTIONS
            if viewer.may(action.permission)
        },
    }
    return Panel("console/contact_customer.html", context)


def register() -> None:
    """Add the panel and its forms to the page of contacts."""
    for action in ACTIONS:
        register_action(Contact, action)
    register_panel("contact", make_panel)
