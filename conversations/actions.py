"""The kind of risky action that writes to an audience: all contacts that carry a tag."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from pydantic import Field

from conversations import audiences, services
from conversations.models import AudienceSend, Contact, Conversation
from conversations.selectors import Audience
from core.actors import Actor, system
from core.log import get_logger
from hitl.registry import register
from hitl.types import ActionKind, Estimate, Facts, Outcome, Params, Preview, PreviewRow

log = get_logger(__name__)

SENDER: Final[Actor] = system("send_audience_message")
TOLERANCE_PERCENT: Final = 5


class SendAudienceMessageParams(Params):
    """Whom to write to, and what."""

    audience: str = Field(min_length=1, max_length=60, description="Name of the audience (a tag).")
    text: str = Field(min_length=1, max_length=settings.TEXT_LIMIT, description="The message, word for word.")


@register
class SendAudienceMessage(ActionKind[SendAudienceMessageParams]):
    """Sends one text to every contact of an audience, each in his newest conversation."""

    key: ClassVar[str] = "send_audience_message"
    title: ClassVar[str] = "Write to an audience"
    keyed: ClassVar[bool] = True
    base_risk: ClassVar[int] = 30
    params_model = SendAudienceMessageParams

    def resolve(self, params: SendAudienceMessageParams) -> SendAudienceMessageParams:
        """Return the params with the audience's name as it is kept; raises `NotFound` with the nearest names."""
        found = audiences.find_audience(params.audience, audiences.platform_sizes())
        return params.model_copy(update={"audience": found.name})

    def observe(self, params: SendAudienceMessageParams) -> Facts:
        """Return the audience's name, how many people a message reaches, and how many the platform counts."""
        found = audiences.find_audience(params.audience, audiences.platform_sizes())
        return {"audience": found.name, "recipients": found.contacts, "platform_size": found.size}

    def preview(self, params: SendAudienceMessageParams, facts: Facts) -> Preview:
        """Show who is written to, and the whole text."""
        count = int(facts["recipients"])
        people = "1 person" if count == 1 else f"{count:,} people"
        both = Audience(str(facts["audience"]), count, facts.get("platform_size")).in_numbers()
        rows = (
            PreviewRow("Audience", "", f"{facts['audience']}: {both}"),
            PreviewRow("Recipients", "0", f"{count:,}"),
        )
        aside = f" ({both})" if facts.get("platform_size") is not None else ""
        return Preview(headline=f"Write to {people} in “{facts['audience']}”{aside}", rows=rows, body=params.text)

    def estimate(self, params: SendAudienceMessageParams, facts: Facts) -> Estimate:
        """Return the reach: the number of recipients."""
        return Estimate(reach=int(facts["recipients"]))

    def subject_key(self, params: SendAudienceMessageParams) -> str:
        """Name the audience."""
        return f"audience:{params.audience.casefold()}"

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Say so when the audience has changed by more than a few per cent."""
        old, new = int(old_facts["recipients"]), int(new_facts["recipients"])
        if abs(new - old) * 100 <= TOLERANCE_PERCENT * old:
            return []
        return [f"The audience had {old} recipients, it now has {new}."]

    def execute(self, params: SendAudienceMessageParams, *, idempotency_key: str) -> Outcome:
        """Send to everybody not yet reached under this key; safe to repeat at any point."""
        sent = 0
        for contact_id in _unreached(params.audience, idempotency_key):
            sent += _send_once(contact_id, params.text, idempotency_key)
        total = AudienceSend.objects.filter(send_key=idempotency_key).count()
        log.info("audience_written_to", sent=sent, total=total)
        return Outcome(kind="succeeded", result={"recipients": total})

    def probe(self, params: SendAudienceMessageParams, *, idempotency_key: str) -> Outcome | None:
        """Tell that everybody was reached; None while somebody is missing: repeat then."""
        total = AudienceSend.objects.filter(send_key=idempotency_key).count()
        if not total or _unreached(params.audience, idempotency_key).exists():
            return None
        return Outcome(kind="succeeded", result={"recipients": total})


def _unreached(audience: str, send_key: str) -> QuerySet[Contact, Any]:
    reached = AudienceSend.objects.filter(send_key=send_key).values("contact_id")
    members = Contact.objects.filter(tags__name__iexact=audience, conversations__isnull=False)
    rows: QuerySet[Contact, Any] = members.exclude(pk__in=reached).order_by("id").distinct()
    return rows.values_list("id", flat=True)


def _send_once(contact_id: UUID, text: str, send_key: str) -> int:
    """Write to one contact, together with the row that says so; 0 when a rival has done it."""
    with transaction.atomic():
        row, is_first = AudienceSend.objects.get_or_create(send_key=send_key, contact_id=contact_id)
        if not is_first:
            return 0
        newest = Conversation.objects.filter(contact_id=contact_id).order_by("-last_message_at")
        message = services.reply(
            actor=SENDER,
            conversation_id=newest.values_list("id", flat=True)[0],
            text=text,
            sender_type="system",
            metadata={"audience_send": str(row.pk)},
        )
        AudienceSend.objects.filter(pk=row.pk).update(message=message)
    return 1
