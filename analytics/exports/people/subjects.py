"""The people who can be exported, contacts and members: who they are, and how their rows are read."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse

from accounts.models import Membership, Tenant
from accounts.selectors import names_of_members
from analytics.exports.sources import PEOPLE, Column, Failed, PersonSource, Terms
from conversations.models import Contact
from core.actors import Actor
from core.clock import now
from core.db.rows import get_or_missing
from core.errors import Conflict, NotFound, Unavailable
from core.models import Erasure
from core.privacy.erasure.disclosure import in_pages, kept_in_words, partners_of, person_to_read, values_of
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import handlers, readings
from core.privacy.retention.services import days_by_table
from core.privacy.sealed_files import StoreFailed

SCHEMA: Final = "walker-person/1"
"""What `person.json` is written by; the number rises when something is removed from it or means something else."""
AT_ONCE: Final = 500
Line = dict[str, Any]


class Subject(PersonSource):
    """Reads one person: what an erasure would find, table by table, and then their files."""

    columns: ClassVar[tuple[Column, ...]] = ()

    @classmethod
    @abstractmethod
    def targets(cls, subject_id: UUID) -> dict[str, list[UUID]]:
        """Return the ids that everything else is found by. Raises NotFound, Conflict (`erased`, `merged`)."""

    @classmethod
    def count(cls, *, viewer: Actor, terms: Terms, most: int) -> int:  # noqa: ARG003
        """Return 0: nobody can tell before it is read."""
        return 0

    @classmethod
    def pages(cls, *, viewer: Actor, terms: Terms, size: int) -> Iterator[Sequence[Line]]:
        """Yield the head, then the rows of each table, then the files one by one.

        Empty pages come while rows are looked for, so that a worker can say that it is still at it. Raises Refused,
        Failed (`erased`, `merged`) if the person was erased, merged or taken apart by the end, and StoreFailed for a
        file that can't be read.
        """
        cls.require(viewer)
        person, members = cls._read(terms), names_of_members()
        contacts, files = set(person.ids("contacts")), dict[str, Callable[[], bytes]]()
        yield [{"head": cls._head(terms, person)}]
        chosen = days_by_table()
        for handler in handlers():
            for reading in handler.readings:
                section = {"table": reading.model, "title": reading.title, "purpose": handler.purpose}
                section["kept"] = kept_in_words(reading, chosen)
                rows = reading.rows(person) if reading.rows else ()
                for page in in_pages(rows, min(size, AT_ONCE)):
                    lines = [values_of(person, reading, row, members) for row in page]
                    for row, values in zip(page, lines, strict=True):
                        if reading.file and (file := reading.file(row)):
                            values["file"] = f"files/{row.pk}.{file.ending}"
                            files[values["file"]] = file.read
                    yield [{"section": section, "values": values} for values in lines]
        cls._require_same(terms, contacts)
        for name, read in files.items():
            try:
                yield [{"file": name, "content": read()}]
            except (Conflict, Unavailable) as problem:
                raise StoreFailed(str(problem)) from None
        cls._require_same(terms, contacts)

    @classmethod
    def lines(cls, rows: Sequence[Line], *, in_clear: bool) -> list[Line]:
        """Return the rows, in which other people's data is masked already. Raises Failed for an export not in clear."""
        if not in_clear:
            raise Failed("not_granted")
        return list(rows)

    @classmethod
    def _head(cls, terms: Terms, person: Person) -> Line:
        partners = partners_of(person)
        return {
            "schema": SCHEMA,
            "made_at": now(),
            "organisation": Tenant.objects.get().name,
            "person": {"kind": cls.subject, "id": terms.filters[cls.subject], "known_since": terms.since},
            "sources": [{"name": each.name, "what": each.what} for each in partners if each.gave],
            "recipients": [{"name": each.name, "what": each.what} for each in partners if each.got],
            "left_out": [
                {"table": reading.model, "columns": names.split(), "why": why}
                for reading in readings()
                for names, why in reading.unread.items()
            ],
        }

    @classmethod
    def _read(cls, terms: Terms) -> Person:
        try:
            return person_to_read(cls.subject, cls.targets(UUID(terms.filters[cls.subject])))
        except Conflict as problem:
            raise Failed(problem.code) from None
        except NotFound:
            raise Failed("erased") from None

    @classmethod
    def _require_same(cls, terms: Terms, contacts: set[UUID]) -> None:
        if set(cls._read(terms).ids("contacts")) != contacts:
            raise Failed("merged")


class ContactSubject(Subject):
    """A contact, with those that were merged into them."""

    label: ClassVar[str] = "A contact"
    permission: ClassVar[str] = "conversations.erase_contact"
    subject: ClassVar[str] = Erasure.Subject.CONTACT.value

    @classmethod
    def since(cls, subject_id: UUID) -> datetime:
        """Return when they first wrote. Raises as `targets`."""
        rows = Contact.objects.filter(pk=subject_id)
        contact: Contact = get_or_missing(rows.defer("display_name"), "There is no such contact.")
        if contact.erased_at:
            raise Conflict("This contact has been erased.", code="erased")
        if contact.merged_into_id:
            problem = "This contact was merged into another one. Export that one: it has the data of both."
            raise Conflict(problem, code="merged", contact_id=str(contact.merged_into_id))
        return contact.created_at

    @classmethod
    def targets(cls, subject_id: UUID) -> dict[str, list[UUID]]:
        cls.since(subject_id)
        return {"contacts": [subject_id]}

    @classmethod
    def page_of(cls, subject_id: UUID) -> tuple[str, str]:
        contact = Contact.objects.defer("display_name").filter(pk=subject_id).first()
        url = reverse("admin:conversations_contact_change", args=[subject_id])
        return (contact.shown_name if contact else "A contact"), url


class MemberSubject(Subject):
    """A member, present or former, with the contacts that are linked to them."""

    label: ClassVar[str] = "A member"
    permission: ClassVar[str] = "accounts.erase_member"
    subject: ClassVar[str] = Erasure.Subject.MEMBER.value

    @classmethod
    def since(cls, subject_id: UUID) -> datetime:
        """Return when they joined. Raises as `targets`."""
        return cls._membership(subject_id).created_at

    @classmethod
    def targets(cls, subject_id: UUID) -> dict[str, list[UUID]]:
        return {"users": [cls._membership(subject_id).user_id]}

    @classmethod
    def page_of(cls, subject_id: UUID) -> tuple[str, str]:
        membership = Membership.objects.select_related("user").filter(pk=subject_id, erased_at=None).first()
        url = reverse("admin:accounts_membership_change", args=[subject_id])
        return (str(membership.user.get_full_name()) if membership else "A former member"), url

    @classmethod
    def _membership(cls, subject_id: UUID) -> Membership:
        membership: Membership = get_or_missing(Membership.objects.filter(pk=subject_id), "There is no such member.")
        if membership.erased_at:
            raise Conflict("This person was erased.", code="erased")
        return membership


for _subject in (ContactSubject, MemberSubject):
    PEOPLE.register(_subject.subject, _subject)
