"""The action kind that messages an audience: every contact with a tag."""

from collections import Counter
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Subquery, Sum
from pydantic import Field

from conversations.contacts import audiences, identity
from conversations.contacts.selectors.audiences import Audience, left_out, left_out_in_words
from conversations.messages import outbound
from conversations.messages.outbound import Draft, Sender
from conversations.models import AudienceSend, Contact, ContactTag, Conversation
from core.actors import Actor, system
from core.errors import Conflict
from core.models import Consent
from core.observability.logging import get_logger
from core.reach.gate import NotReachable
from core.reliability import limits
from hitl.actions.base import ActionKind, ClaimWords, Estimate, Facts, Outcome, Params, Preview, PreviewRow
from hitl.actions.registry import register
from hitl.models import Execution
from hitl.selectors import is_call_stopped

log = get_logger(__name__)

SENDER: Final[Actor] = system("send_audience_message")
TOLERANCE_PERCENT: Final = 5


class SendAudienceMessageParams(Params):
    """A text for an audience."""

    audience: str = Field(min_length=1, max_length=60, description="Name of the audience (a tag).")
    text: str = Field(min_length=1, max_length=settings.TEXT_LIMIT, description="The exact text of the message.")


@register
class SendAudienceMessage(ActionKind[SendAudienceMessageParams]):
    """Sends one text to every contact of an audience, each in their newest conversation."""

    key: ClassVar[str] = "send_audience_message"
    title: ClassVar[str] = "Message an audience"
    ability: ClassVar[str] = "request a message to an audience"
    description: ClassVar[str] = "Request a message to an audience; waits for approval."
    claim_words: ClassVar[ClaimWords] = ClaimWords(
        verbs={
            "en": ("sent", "messaged", "delivered"), "de": ("verschickt", "gesendet", "versendet"),
            "fr": ("envoyé",), "es": ("enviad",), "it": ("inviat",), "pt": ("enviad",),
            "nl": ("verstuurd", "verzonden"),
        },
        things={
            "en": ("message", "audience", "newsletter", "people", "customer", "contact"),
            "de": ("nachricht", "zielgruppe", "newsletter", "kund", "kontakt"),
            "fr": ("message", "audience", "client", "contact"), "es": ("mensaje", "audiencia", "cliente", "contacto"),
            "it": ("messaggi", "pubblico", "client", "contatt"), "pt": ("mensage", "público", "cliente", "contato"),
            "nl": ("bericht", "doelgroep", "klant", "contact"),
        },
    )  # fmt: skip
    keyed: ClassVar[bool] = True
    base_risk: ClassVar[int] = 30
    params_model = SendAudienceMessageParams

    def works_here(self) -> bool:
        """Return True if a contact has a tag: the tags are the audiences."""
        found: bool = ContactTag.objects.exists()
        return found

    def resolve(self, params: SendAudienceMessageParams) -> SendAudienceMessageParams:
        """Return the params with the audience's stored name.

        Raises `NotFound` with the closest names, and `Conflict` ("limit_reached") for more people than the organisation
        may message today.
        """
        found = audiences.find_audience(params.audience, audiences.platform_sizes())
        limits.refuse_reached("messages", adding=found.contacts)
        return params.model_copy(update={"audience": found.name})

    def observe(self, params: SendAudienceMessageParams) -> Facts:
        """Return the audience with its recipients, the people left out and its size on the platform.

        The recipients are included as fingerprints that identify nobody, because the approval is for these people.
        """
        found = audiences.find_audience(params.audience, audiences.platform_sizes())
        facts = {"audience": found.name, "recipients": found.contacts, "platform_size": found.size}
        return {**facts, "left_out": dict(found.left_out), "persons": identity.marks_of(_unreached(found.name, ""))}

    def preview(self, params: SendAudienceMessageParams, facts: Facts) -> Preview:
        """Show who gets the message, who is left out and why, and the whole text."""
        count, missing = int(facts["recipients"]), facts.get("left_out") or {}
        size = facts.get("platform_size")
        numbers = Audience(str(facts["audience"]), count, size, missing).in_numbers()
        rows = [
            PreviewRow("Audience", "", f"{facts['audience']}: {numbers}"),
            PreviewRow("Recipients", "0", f"{count:,}"),
        ]
        if missing:
            rows.append(PreviewRow("Left out", "", left_out_in_words(missing)))
        aside = f" ({numbers})" if size is not None or missing else ""
        headline = f"Message {_people(count)} in “{facts['audience']}”{aside}"
        return Preview(headline=headline, rows=tuple(rows), body=params.text)

    def estimate(self, params: SendAudienceMessageParams, facts: Facts) -> Estimate:
        """Return the reach: the number of recipients."""
        return Estimate(reach=int(facts["recipients"]))

    def subject_key(self, params: SendAudienceMessageParams) -> str:
        return f"audience:{params.audience.casefold()}"

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Report drift when more than a few per cent of the recipients have left or joined."""
        old, new = int(old_facts["recipients"]), int(new_facts["recipients"])
        if not _within(old, abs(new - old)):
            return [f"The audience had {old} recipients, it now has {new}."]
        if "persons" not in old_facts or "persons" not in new_facts:
            return ["The request doesn't record who was in the audience."]
        moved = identity.changed(old_facts["persons"], new_facts["persons"])
        # Everyone who joined or left counts once; their difference is exact.
        more = (moved + abs(new - old)) / 2
        return [] if _within(old, more) else [f"The people in the audience have changed since the request ({new} now)."]

    def execute(self, params: SendAudienceMessageParams, *, idempotency_key: str) -> Outcome:
        """Send to everyone not yet reached under this key, until an emergency stop. Safe to repeat.

        Nobody is messaged if there are more than the organisation may message today, together with the people that
        other messages being sent have yet to reach; what has begun is finished.
        """
        sent, unreached = 0, _unreached(params.audience, idempotency_key)
        if not _sends(idempotency_key).exists():
            try:
                limits.refuse_reached("messages", adding=len(unreached), promised=promised_to_others(idempotency_key))
            except Conflict as refused:
                return Outcome("failed_clean", error=f"{limits.REACHED}: {refused.detail}")
        for contact_id in unreached:
            if is_call_stopped():
                log.warning("audience_stopped", sent=sent)
                return Outcome("unknown", error="stopped: An emergency stop came before everyone was messaged.")
            sent += _send_once(contact_id, params.text, idempotency_key)
        outcome = _done(params.audience, idempotency_key)
        log.info(
            "audience_written_to", sent=sent, **{name: outcome.result[name] for name in ("recipients", "left_out")}
        )
        return outcome

    def probe(self, params: SendAudienceMessageParams, *, idempotency_key: str) -> Outcome | None:
        """Report success once everyone was reached; None means to repeat."""
        if not _sends(idempotency_key).exists() or _unreached(params.audience, idempotency_key):
            return None
        return _done(params.audience, idempotency_key)


def _within(old: int, moved: float) -> bool:
    return moved * 100 <= TOLERANCE_PERCENT * old


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _sends(send_key: str) -> QuerySet[AudienceSend, Any]:
    """Return the contacts who were messaged under this key, or refused by the gate."""
    return AudienceSend.objects.filter(send_key=send_key)


def promised_to_others(send_key: str) -> int:
    """Return how many people other audience messages have yet to reach that began before this one. Two queries."""
    begun = Execution.objects.filter(idempotency_key=send_key).values("started_at")
    running = Execution.objects.filter(approval__kind=SendAudienceMessage.key, outcome="")
    others = running.filter(started_at__lt=Subquery(begun))
    wanted = others.aggregate(reach=Sum("approval__reach"))["reach"] or 0
    reached = AudienceSend.objects.filter(send_key__in=others.values("idempotency_key")).count()
    return max(wanted - reached, 0)


def _missing(audience: str, send_key: str) -> QuerySet[Contact, Any]:
    """Return the contacts of the audience that were neither messaged nor refused under this key."""
    members = Contact.objects.filter(tags__name__iexact=audience, conversations__isnull=False)
    rows: QuerySet[Contact, Any] = members.exclude(pk__in=_sends(send_key).values("contact_id"))
    return rows.order_by("id").distinct()


def _unreached(audience: str, send_key: str) -> list[UUID]:
    """Return the contacts still to message, without those who are left out."""
    missing = _missing(audience, send_key)
    out = left_out(missing)
    return [contact_id for contact_id in missing.values_list("id", flat=True) if contact_id not in out]


def _done(audience: str, send_key: str) -> Outcome:
    """Return the outcome with the real numbers, because someone may have opted out in the meantime."""
    total = _sends(send_key).filter(left_out="").count()
    refused = _sends(send_key).exclude(left_out="").order_by().values_list("left_out", flat=True)
    out = dict(Counter([*left_out(_missing(audience, send_key)).values(), *refused]))
    words = ", ".join(filter(None, [f"{_people(total)} in “{audience}” messaged", left_out_in_words(out)]))
    return Outcome(kind="succeeded", result={"recipients": total, "left_out": out, "in_words": words})


def _send_once(contact_id: UUID, text: str, send_key: str) -> int:
    """Message one contact and record it, or why the gate refused it. Returns 0 where nothing was sent now."""
    with transaction.atomic():
        if left_out(Contact.objects.filter(pk=contact_id)):
            return 0
        row, is_first = AudienceSend.objects.get_or_create(send_key=send_key, contact_id=contact_id)
        if not is_first:
            return 0
        newest = Conversation.objects.filter(contact_id=contact_id).order_by("-last_message_at")
        try:
            message = outbound.reply(
                actor=SENDER,
                conversation_id=newest.values_list("id", flat=True)[0],
                draft=Draft(
                    text=text,
                    metadata={"audience_send": str(row.pk)},
                    purpose=Consent.Purpose.MARKETING,
                    sender=Sender(type="system"),
                ),
            )
        except NotReachable as refused:
            AudienceSend.objects.filter(pk=row.pk).update(left_out=refused.code)
            return 0
        AudienceSend.objects.filter(pk=row.pk).update(message=message)
    return 1
