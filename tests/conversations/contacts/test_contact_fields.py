"""What is written down of a contact: how it is masked, and that no unknown field is passed over."""

import pytest

from conversations.contacts.fields import masked
from core.privacy.pii.addresses import MASKED


@pytest.mark.parametrize("kind", ["webchat", "bsuid", "member", "customer"])
def test_id_of_ours_or_a_provider_shows_its_last_characters(kind: str) -> None:
    assert masked(kind, "visitor-8d21") == "…8d21"


def test_field_of_an_unknown_kind_is_masked_wholly() -> None:
    assert masked("birthday", "1984-02-17") == MASKED
