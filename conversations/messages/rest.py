"""How the API shows messages, and what they were read as."""

from typing import Any, Final

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from conversations.messages.first_messages import SUBJECT_LIMIT
from conversations.models import Message
from conversations.texts import VARIABLE_LIMIT


class ReadingFactor(serializers.Serializer[Any]):
    """What counts for or against a score."""

    name = serializers.CharField(read_only=True)
    points = serializers.IntegerField(read_only=True)


class ReadingEntity(serializers.Serializer[Any]):
    """Something that the customer named."""

    kind = serializers.ChoiceField(choices=["request", "order", "amount", "date", "day", "product"], read_only=True)
    text = serializers.CharField(read_only=True)


class ReadingSerializer(serializers.Serializer[Any]):
    """How the customer's messages were read: points that sum up to the urgency and the lead score."""

    rules = serializers.IntegerField(read_only=True, default=0, help_text="The version of the rules.")
    entities = ReadingEntity(many=True, read_only=True, default=list)
    urgency = ReadingFactor(many=True, read_only=True, default=list)
    lead = ReadingFactor(many=True, read_only=True, default=list)


class MediaSerializer(serializers.Serializer[Any]):
    """A file of a message; fetch it under `attachments/`."""

    id = serializers.UUIDField(read_only=True)
    content_type = serializers.CharField(read_only=True)
    size = serializers.IntegerField(read_only=True)


METADATA: Final = {
    "type": "object",
    "description": "Ids and states; the channel's own fields too where the message is `clear`.",
    "properties": {
        "agent": {"type": "string"},
        "approval": {"type": "string"},
        "approval_id": {"type": "string", "format": "uuid"},
        "approval_state": {"type": "string"},
        "reference": {"type": "string", "description": "Of the request, such as `BR-1042`."},
        "run": {"type": "string"},
        "run_id": {"type": "string"},
    },
    "additionalProperties": True,
}


@extend_schema_field(METADATA)
class MetadataField(serializers.JSONField):
    """What is kept beside a message's text."""


@extend_schema_field(MediaSerializer(many=True))
class MediaField(serializers.JSONField):
    """The files of a message, as they are kept with it."""


class FailureSerializer(serializers.Serializer[Any]):
    """Why a message failed, and what to do about it."""

    code = serializers.CharField(read_only=True, help_text="The provider's code, or one of ours.")
    reason = serializers.CharField(read_only=True)
    advice = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True, help_text="The provider's page about it; empty for none.")
    text = serializers.CharField(read_only=True, help_text="What the provider said, masked.")


class MailFactsSerializer(serializers.Serializer[Any]):
    """What an email says beside its text, masked like the text."""

    subject = serializers.CharField(read_only=True)
    quoted = serializers.CharField(read_only=True, help_text="Text of earlier emails, split off from `text`.")
    automatic = serializers.ChoiceField(
        choices=["auto_reply", "bounce", "list", "loop"],
        read_only=True,
        allow_null=True,
        help_text="Why a program wrote it.",
    )
    is_proven = serializers.BooleanField(
        read_only=True, help_text="DKIM or SPF passed for the domain of the sender's address."
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return null where a person wrote it."""
        found = super().to_representation(instance)
        return {**found, "automatic": found["automatic"] or None}


class SourceSerializer(serializers.Serializer[Any]):
    """A source that an answer names; its text says where by the number, such as [1]."""

    n = serializers.IntegerField(read_only=True)
    title = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True, help_text="Empty for a document without an address.")
    document = serializers.UUIDField(read_only=True)


class MessageSerializer(serializers.Serializer[Any]):
    """A message; `text` is masked unless `clear`."""

    id = serializers.UUIDField(read_only=True)
    seq = serializers.IntegerField(read_only=True)
    direction = serializers.ChoiceField(choices=Message.Direction.choices, read_only=True)
    sender_type = serializers.ChoiceField(choices=Message.Sender.choices, read_only=True)
    sender_id = serializers.UUIDField(read_only=True, allow_null=True)
    sender_name = serializers.CharField(read_only=True, help_text="Of the colleague or the agent who wrote.")
    content_type = serializers.ChoiceField(choices=Message.ContentType.choices, read_only=True)
    text = serializers.CharField(read_only=True)
    clear = serializers.BooleanField(read_only=True)
    media = MediaField(read_only=True)
    metadata = MetadataField(read_only=True)
    sources = SourceSerializer(source="metadata.sources", many=True, read_only=True, default=list)
    status = serializers.ChoiceField(choices=Message.Status.choices, read_only=True)
    failure = FailureSerializer(read_only=True, allow_null=True, help_text="Only for a failed message.")
    mail = MailFactsSerializer(
        read_only=True, allow_null=True, help_text="Only for an email that came in, or that began a conversation."
    )
    created_at = serializers.DateTimeField(read_only=True)


class BegunSerializer(serializers.Serializer[Any]):
    """A conversation that was begun."""

    id = serializers.UUIDField(read_only=True, help_text="Of the conversation.")
    channel_account_id = serializers.UUIDField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class Templated(serializers.Serializer[Any]):
    """A message that may go out as a template."""

    text = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=settings.TEXT_LIMIT,
        help_text="Empty only for a template without variables.",
    )
    client_id = serializers.UUIDField(default=None, help_text="Your id of the message; a repetition is the first one.")
    as_template = serializers.BooleanField(
        default=False, help_text="Send it as the variable of the account's template, outside of the reply window."
    )
    template_language = serializers.CharField(
        max_length=16,
        required=False,
        help_text="Send the template of this language; without, the contact's or English.",
    )
    template_variables = serializers.ListField(
        child=serializers.CharField(max_length=VARIABLE_LIMIT),
        max_length=20,
        required=False,
        help_text="What fills the template's second variable and those after it.",
    )


class Beginning(Templated):
    """The first message of a conversation."""

    subject = serializers.CharField(
        default="", allow_blank=True, max_length=SUBJECT_LIMIT, help_text="Of an email, which needs one."
    )
    account_id = serializers.UUIDField(
        default=None, help_text="The channel that sends it; without, the only mailbox does."
    )


class Reply(Templated):
    """A message to the customer."""

    after = serializers.IntegerField(
        min_value=0,
        required=False,
        help_text="Number of the newest message seen: if somebody answered since then, nothing is sent.",
    )
