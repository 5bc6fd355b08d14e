"""Erasing a person from requests: the words go, and that there was a request and how it ended stays."""

from typing import ClassVar, Final

from django.db.models import Q, QuerySet

from analytics.models import PersonRequest
from core.privacy.erasure.disclosure import owned
from core.privacy.erasure.person import ERASED, Person
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Reading, Step, Table, window

WORDS: Final = ("wish", "extension_reason", "answer")


def _of_person(person: Person) -> QuerySet[PersonRequest]:
    is_theirs = Q(contact__in=person.ids("contacts")) | Q(membership__user__in=person.ids("users"))
    return PersonRequest.objects.filter(is_theirs)


def _request_words(person: Person, after: str, limit: int) -> Batch:
    """Empty the words of the person's requests, and other people's that name the person; each is read."""
    # Locked, so that words which are being written at this moment are there when the rows are read.
    theirs = _of_person(person).select_for_update(of=("self",)).order_by("pk")
    own, changed = set(theirs.values_list("pk", flat=True)), 0
    rows, last = window(PersonRequest.objects.all(), after, limit)
    for row in rows:
        words = {name: text for name in WORDS if (text := getattr(row, name))}
        found = [name for name, text in words.items() if row.pk in own or person.is_named_in(text)]
        if found:
            gone = dict.fromkeys(found, "" if row.pk in own else ERASED)
            changed += int(PersonRequest.objects.filter(pk=row.pk).update(**gone))
    return Batch(changed, last)


class PersonRequestsErasure(ErasureHandler):
    """Erases what requests of people say; the right, the days and the outcome prove that it was answered."""

    order: ClassVar[int] = 54
    purpose: ClassVar[str] = "To answer what people ask of their data, in time, and to prove it."
    readings: ClassVar[tuple[Reading, ...]] = (
        Reading(
            model="analytics.PersonRequest", title="What you asked about your data",
            shown="kind purpose received_on due_on extended_at state created_at closed_at",
            masked="wish extension_reason answer",
            rows=owned(PersonRequest, contact="contacts", membership__user="users"),
            kept="For good, without its words once you are erased.",
        ),
        Reading(
            model="analytics.PersonRequest", title="Requests of others that you recorded or worked on",
            shown="kind received_on due_on state created_at closed_at",
            rows=owned(PersonRequest, handler="users", opened_by="users", closed_by="users"),
            unread={"wish extension_reason answer": "They say what somebody else asked for."},
            kept="For good; your name until you are erased.",
        ),
    )  # fmt: skip
    tables: ClassVar[tuple[Table, ...]] = (
        Table("analytics.PersonRequest", "Which right somebody used, when, and how it ended: that it was answered in "
              "time can be proven.", "wish extension_reason answer", "received_on due_on"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (Step("request_words", "Words of privacy requests", _request_words),)

    @classmethod
    def gather(cls, person: Person) -> None:
        """Collect the person's requests, by which reasons for showing their words are found."""
        person.add("person_requests", _of_person(person).order_by("id").values_list("id", flat=True))

    @classmethod
    def came_late(cls, person: Person) -> bool:
        """Check for words that were written meanwhile by a form that was open."""
        return any(getattr(row, name) for row in _of_person(person) for name in WORDS)

    @classmethod
    def detach(cls, person: Person) -> None:
        """Leave the open requests that the member worked on to others."""
        rows = PersonRequest.objects.filter(handler_id__in=person.ids("users"), state=PersonRequest.State.OPEN)
        rows.update(handler=None)


HANDLERS.register("person_requests", PersonRequestsErasure)
