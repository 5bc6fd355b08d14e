"""What is written down of a contact: how it is masked, and that no unknown field is passed over."""

from uuid import uuid4

import pytest

from conversations.contacts.fields import masked
from conversations.contacts.known_people import create_contact, revise_contact
from conversations.models import Contact
from core.privacy.pii.addresses import MASKED
from tests.world import World


@pytest.mark.parametrize("kind", ["webchat", "bsuid", "member", "customer"])
def test_id_of_ours_or_a_provider_shows_its_last_characters(kind: str) -> None:
    assert masked(kind, "visitor-8d21") == "…8d21"


def test_field_of_an_unknown_kind_is_masked_wholly() -> None:
    assert masked("birthday", "1984-02-17") == MASKED


def test_field_that_does_not_exist_is_refused_by_name(acme: World) -> None:
    support = acme.actor("support")
    with pytest.raises(TypeError, match="birthday"):
        create_contact(actor=support, email="ana@example.com", birthday="1984-02-17")
    with pytest.raises(TypeError, match="birthday"):
        revise_contact(actor=support, contact_id=uuid4(), birthday="1984-02-17")
    assert not Contact.objects.exists()
