"""Saved views: the filters, search and order of a list that a person keeps under a name.

They are a preference of one person, who alone sees them: like notices they are not audited.
"""

import re
from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import Membership, SavedView
from core.actors import Actor
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.privacy import pii
from core.text.clean import clean_text

USE: Final = "accounts.use_saved_views"
MOST: Final = 30
LONGEST_NAME: Final = 40
LONGEST_QUERY: Final = 600
_LIST: Final = re.compile(r"[a-z_]{1,30}\.[a-z_]{1,29}")


def list_own(*, viewer: Actor, list_key: str = "") -> QuerySet[SavedView]:
    """Return the viewer's saved views, or those of one list, by name. Needs `accounts.use_saved_views`."""
    viewer.require(USE)
    person = viewer.require_person("Only people have saved views.")
    rows: QuerySet[SavedView] = SavedView.objects.filter(person_id=person).order_by("name", "pk")
    return rows.filter(list_key=list_key) if list_key else rows


def save_view(*, actor: Actor, list_key: str, name: str, query: str) -> SavedView:
    """Save a query string of a list under a name; a person has at most 30.

    The caller knows the list's parameters and passes no others. Needs `accounts.use_saved_views`. Raises Refused,
    Invalid, and Conflict (`too_many_views`). Not audited.
    """
    own, title = list_own(viewer=actor), _named(name)
    if not _LIST.fullmatch(list_key):
        raise Invalid("There is no such list.", code="unknown_list")
    if not query or len(query) > LONGEST_QUERY:
        sentence = "These filters are too long to be saved." if query else "There is nothing to save: choose a filter."
        raise Invalid(sentence, code="bad_view")
    if any(pii.find(value) for name, value in parse_qsl(query) if name == "q"):
        raise Invalid("Search words with personal data aren't saved. Take them out first.", code="personal_data")
    with transaction.atomic():
        # One at a time, so that two at once can't exceed the limit.
        Membership.objects.select_for_update().filter(user_id=actor.user_id).first()
        if own.count() >= MOST:
            raise Conflict(f"You have {MOST} saved views. Delete one first.", code="too_many_views")
        view = SavedView(list_key=list_key, name=title, query=query)
        view.person_id = actor.user_id  # type: ignore[assignment]  # `list_own` refuses who is no person
        return _stored(view)


def rename_view(*, actor: Actor, view_id: UUID, name: str) -> SavedView:
    """Rename one of the actor's views. Needs `accounts.use_saved_views`; raises Invalid, NotFound. Not audited."""
    view = _own_view(actor, view_id)
    view.name = _named(name)
    return _stored(view)


def delete_view(*, actor: Actor, view_id: UUID) -> None:
    """Delete one of the actor's views. Needs `accounts.use_saved_views`; raises NotFound. Not audited."""
    _own_view(actor, view_id).delete()


def _own_view(actor: Actor, view_id: UUID) -> SavedView:
    return get_or_missing(list_own(viewer=actor).filter(pk=view_id), "There is no such view.")


def _named(name: str) -> str:
    title = " ".join(clean_text(name, LONGEST_NAME).split())
    if not title:
        raise Invalid("Enter a name.", code="no_name", fields={"name": ["Enter a name."]})
    if pii.find(title):
        sentence = "Choose a name without phone numbers, email addresses and other personal data."
        raise Invalid(sentence, code="personal_data", fields={"name": [sentence]})
    return title


def _stored(view: SavedView) -> SavedView:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        sentence = "You already have a view with this name."
        raise Invalid(sentence, code="name_taken", fields={"name": [sentence]}) from None
    return view
