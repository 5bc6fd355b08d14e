"""Search requests by reference, words of the masked text, or the requester's name."""

from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.search import SearchQueryField
from django.db.models import BooleanField, F, Func, OuterRef, Q, QuerySet, Subquery, UUIDField, Value

from accounts.selectors import people_named
from core.actors import Actor
from core.db import replica
from core.errors import Invalid
from core.privacy import pii
from core.tenancy.lookups import Search, register_search
from core.tenancy.scope import current_tenant_id
from core.text.clean import clean_text
from hitl.domain.state_machine import OPEN
from hitl.models import Approval, ApprovalText
from hitl.selectors.approvals import VIEW

LONGEST: Final = 200
FOUND_CAP: Final = 300
"""A search of finished requests considers this many, the newest with all the words and the newest of a person."""
PERSONAL: Final = "Requests can't be found by phone numbers, email addresses and other personal data."
_ASKED: Final = "walker_asked_request_words"
_SEARCH: Final = Search(
    name="requests",
    table="hitl_approvaltext",
    words="t.words",
    asked=f"{_ASKED}(tenant, asked)",
    found=(("approval_id", "uuid"),),
    newest="approval_id",
    reads=("words",),
    has_newest_index=True,
)
register_search(_SEARCH)


def cleaned(words: str) -> str:
    """Return search words without characters that no text contains, cut to length."""
    return clean_text(words, LONGEST)


def is_personal(words: str) -> bool:
    """Return True if search words contain personal data, which no masked text contains."""
    return bool(pii.find(words))


def refuse_personal(words: str) -> None:
    """Raise `Invalid` if search words contain personal data."""
    if is_personal(words):
        raise Invalid(PERSONAL, code="personal_data", fields={"q": ["personal data"]})


def reference_of(text: str) -> str:
    """Normalise a reference as people type it: `br-1042`, `1042` and `#1042` are BR-1042."""
    word = text.replace("\x00", "").strip().lstrip("#").upper()[:20]
    return f"BR-{word}" if word.isdecimal() else word


def is_reference(text: str) -> bool:
    """Return True if a text can only be a reference."""
    return reference_of(text).removeprefix("BR-").isdecimal()


def conversations_of(words: str, *, viewer: Actor) -> QuerySet[Any, Any]:
    """Return the id of the conversation in which the request of a reference was made.

    None for other words, and for viewers who may not see requests.
    """
    rows = Approval.objects.order_by().exclude(conversation_id=None).values("conversation_id")
    if not (viewer.may(VIEW) and is_reference(words)):
        return rows.none()
    return rows.filter(reference=reference_of(words))


def found_by(words: str, *, only_open: bool) -> Q:
    """Return the condition that requests are found by these words. Up to three queries.

    A reference in any form finds its request alone. Else a request is found by all words (as prefixes) in its
    summary or the names of what it touches, or by the requester's first, last or full name (as a prefix). With
    `only_open` all open requests are considered, else the newest 300 open ones, with the words, and of each person.
    """
    rows: QuerySet[Approval] = Approval.objects.order_by()
    people: list[UUID] = []
    if is_reference(words):
        named = Q(reference=reference_of(words))
        if rows.filter(named).exists():
            return named
    else:
        people = people_named(words)
    among_open = Q(requester_id__in=people) | Q(_has_words(words))
    if only_open:
        return among_open
    parts = [
        rows.filter(among_open, state__in=[state.value for state in OPEN]).order_by("-pk"),
        # One by one, as the index gives the newest of one person only.
        *(rows.filter(requester_id=person).order_by("-pk") for person in people),
    ]
    first, *more = (part.values_list("pk")[:FOUND_CAP] for part in parts)
    # Read before the list is: its counts use the ids again, and the planner can't guess how many a function returns.
    found = {key for (key,) in (first.union(*more) if more else first)}
    return Q(pk__in=[*found.union(_newest_with(words))])


def _has_words(words: str) -> Subquery:
    """Return whether the text of the outer request has all the words; for few requests, read one by one."""
    asked = Func(
        Value(current_tenant_id(), UUIDField()), Value(words), function=_ASKED, output_field=SearchQueryField()
    )
    has = Func(F("words"), asked, template="(%(expressions)s)", arg_joiner=" @@ ", output_field=BooleanField())
    texts = ApprovalText.objects.filter(approval=OuterRef("pk"))
    # A limit keeps the planner from searching the texts of all requests instead.
    return Subquery(texts.annotate(has=has).values("has")[:1], output_field=BooleanField())


def _newest_with(words: str) -> set[UUID]:
    """Return the newest requests with all the words. One query."""

    def fetch() -> set[UUID]:
        # The ORM can't call a function that returns rows; its name is a constant and the words are bound.
        with replica.connection().cursor() as cursor:
            cursor.execute(f"select approval_id from {_SEARCH.function}(%s, %s)", [words, FOUND_CAP])  # noqa: S608
            return {key for (key,) in cursor.fetchall()}

    return replica.read(fetch)
