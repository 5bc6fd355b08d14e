"""Endpoints of the consent ledger."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import CharFilter, ChoiceFilter, UUIDFilter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.contacts import blocks, consents
from conversations.contacts.rest.serializers import ConsentSerializer, ConsentWordingSerializer, ContactSerializer
from conversations.contacts.selectors import directory
from conversations.contacts.selectors.consents import get_consent, query_consents
from conversations.models import ContactPoint
from core.models import Consent
from core.reach import channels, consent_texts, policy
from core.reach.verdict import ANY, STOPPABLE
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter
from core.rest.idempotency import idempotent
from core.rest.pagination import SortedPagination
from core.rest.views import Expansion, ListViewSet, ReadOneMixin

VIEW = "core.view_consent"


class RecordingConsent(serializers.Serializer[Any]):
    """A consent or an opt-out of an address, which no contact needs to have yet, or that it's reachable again."""

    address = serializers.CharField(max_length=320, help_text="A mail address, or a number with + and country code.")
    kind = serializers.ChoiceField(
        choices=["email", "phone", "bsuid", "username"], default=None, help_text="By default found by the address."
    )
    channel = serializers.ChoiceField(choices=[ANY, *dict(channels.kinds())], default=ANY)
    purpose = serializers.ChoiceField(
        choices=list(STOPPABLE), default=None, help_text="Needed for `given` and `withdrawn`; `reachable` is about all."
    )
    state = serializers.ChoiceField(choices=["given", "withdrawn", "reachable"])
    at = serializers.DateTimeField(default=None, help_text="When it was said; by default now.")
    wording_id = serializers.UUIDField(default=None, help_text="Of a consent: the words that were agreed to.")
    way = serializers.CharField(
        default=None, max_length=6, help_text="How they agreed: `form`, `chat`, `email`, `phone`, `paper` or `person`."
    )
    place = serializers.CharField(
        default=None, max_length=consent_texts.PLACE, help_text="Where, without personal data."
    )
    evidence = serializers.CharField(
        default=None, max_length=consent_texts.EVIDENCE, help_text="Where the proof is kept, without personal data."
    )
    expires_at = serializers.DateTimeField(default=None, help_text="From then on the consent counts as none.")


class NewWording(serializers.Serializer[Any]):
    """The words by which people agree to messages from now on."""

    purpose = serializers.CharField(max_length=9, help_text="`reply`, `service`, `notice` or `marketing`.")
    text = serializers.CharField(max_length=consent_texts.LONGEST)


class ConsentFilters(ApiFilterSet):
    """The filters of consents."""

    contact = UUIDFilter(method="of_contact")
    channel = CharFilter(max_length=12)
    purpose = ChoiceFilter(choices=Consent.Purpose.choices)
    state = ChoiceFilter(choices=Consent.State.choices)
    recorded_after = AfterFilter("recorded_at")
    recorded_before = BeforeFilter("recorded_at")

    def of_contact(self, rows: QuerySet[Consent], name: str, value: Any) -> QuerySet[Consent]:
        """Return the lines about the addresses of a contact."""
        return rows.filter(address_index__in=ContactPoint.objects.filter(contact_id=value).values("value_index"))


class WordingFilters(ApiFilterSet):
    """The filters of wordings."""

    purpose = ChoiceFilter(choices=Consent.Purpose.choices)


class ConsentPagination(SortedPagination):
    """Pages of the ledger, newest first."""

    dated: ClassVar = {"recorded": "recorded_at"}


class ConsentViewSet(ReadOneMixin, ListViewSet):
    """The consent ledger."""

    descriptions: ClassVar = {
        "list": "List the lines of the consent ledger, newest first.",
        "retrieve": "Read a line of the consent ledger.",
    }
    permissions: ClassVar = {"list": VIEW, "retrieve": VIEW, "create": blocks.RECORD}
    serializer_class = ConsentSerializer
    expansions: ClassVar = {"contact": Expansion(directory.query_contacts, ContactSerializer, "contact_id")}
    request_serializers: ClassVar = {"create": RecordingConsent}
    filterset_class = ConsentFilters
    pagination_class = ConsentPagination
    lookup_url_kwarg = "consent_id"
    list_rows = staticmethod(query_consents)
    read_row = get_consent

    @idempotent
    def create(self, request: Request) -> Response:
        """Record a consent or an opt-out of an address, also of one that no contact has yet.

        The newest by `at` counts, so an old consent doesn't undo a later opt-out.
        """
        body = {name: value for name, value in self.read_body().items() if value is not None}
        return self.respond(consents.record_consent(actor=self.actor, **body))


class ConsentWordingViewSet(ListViewSet):
    """The words by which people agree."""

    descriptions: ClassVar = {
        "list": "List the versions of the words by which people agree, newest first.",
        "create": "Save the words for a purpose as its next version; a repeat of the newest returns it.",
    }
    permissions: ClassVar = {"list": consent_texts.VIEW, "create": policy.CHANGE}
    serializer_class = ConsentWordingSerializer
    request_serializers: ClassVar = {"create": NewWording}
    filterset_class = WordingFilters
    list_rows = staticmethod(consent_texts.query_wordings)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        return self.call_service(consent_texts.save_wording)
