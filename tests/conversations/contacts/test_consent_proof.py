"""A consent says by which words it was given, what proves it and when it ends; one that has expired counts as none."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from conversations import services
from conversations.actions import SendAudienceMessage, SendAudienceMessageParams
from conversations.contacts import contacts
from conversations.contacts.contacts import point_index
from conversations.contacts.selectors.consents import wishes_of
from conversations.models import Contact
from conversations.types import SenderIdentity
from core import clock
from core.clock import now
from core.errors import Invalid, NotFound, Refused
from core.models import AuditEntry, Consent, ConsentWording, ReachPolicy
from core.reach import ledger
from core.reach.consent_texts import save_wording
from core.reach.verdict import NO_CONSENT
from hub.crm.disclosures import disclosures_of
from tests.conversations.conftest import DOOR, ScriptedTransport, Shop
from tests.world import OPERATOR, World

PHONE = SenderIdentity(kind="phone", value="+34600123456", verified=True)
DAY = timedelta(days=1)
KIND = SendAudienceMessage()
PARAMS = SendAudienceMessageParams(audience="VIP", text="Sale on Friday")


def say(state: str = "given", **more: Any) -> Consent:
    told = {"actor": OPERATOR, "address": PHONE.value, "purpose": "marketing", "state": state, **more}
    return services.record_consent(**told)


@pytest.mark.slow
def test_expired_consent_counts_as_none_wherever_consent_is_read(
    shop: Shop, transport: type[ScriptedTransport], support: Any
) -> None:
    asked = shop.call()
    contact = Contact.objects.get(pk=asked.sender_id)
    contacts.add_tag(actor=support, contact_id=contact.pk, name="VIP")
    ReachPolicy.objects.update_or_create(defaults={"needs_consent": True})
    began, index = now(), point_index("phone", PHONE.value)
    first = say(expires_at=began + DAY)
    assert KIND.observe(PARAMS)["recipients"] == 1
    assert disclosures_of([contact])[contact.pk].reason == ""
    with clock.at(began + DAY):
        assert ledger.entries_of([index]) == {index: []}
        with pytest.raises(NotFound, match="1 left out because they haven't agreed to marketing"):
            KIND.observe(PARAMS)
        assert disclosures_of([contact])[contact.pk].reason == NO_CONSENT
        # The same again is a consent of its own.
        assert say().pk != first.pk
        assert KIND.observe(PARAMS)["recipients"] == 1


def test_expired_consent_uncovers_the_opt_out_before_it_and_no_older_consent(shop: Shop) -> None:
    contact, began = Contact.objects.get(pk=shop.call().sender_id), now()
    say(at=began - 4 * DAY)
    say("withdrawn", at=began - 3 * DAY)
    say(at=began - 2 * DAY, expires_at=began + DAY)
    assert wishes_of(contact.points.all()).opt_outs == ()
    with clock.at(began + 2 * DAY):
        assert wishes_of(contact.points.all()).opt_outs == (("any", "marketing"),)
        # START lifts marketing for people who had agreed, and not for those whose consent has ended.
        assert services.unblock_point(actor=DOOR, sender=PHONE, channel="whatsapp") is False


def test_start_brings_back_no_consent_that_was_to_end(shop: Shop) -> None:
    shop.call()
    say(expires_at=now() + DAY)
    say("withdrawn")
    assert services.unblock_point(actor=DOOR, sender=PHONE, channel="whatsapp") is False
    say()
    say("withdrawn")
    assert services.unblock_point(actor=DOOR, sender=PHONE, channel="whatsapp") is True


def test_words_are_kept_as_versions_that_are_only_added(acme: World) -> None:
    admin = acme.actor("admin")
    first = save_wording(actor=admin, purpose="marketing", text="Send me offers.")
    second = save_wording(actor=admin, purpose="marketing", text=" Send me offers once a week. ")
    other = save_wording(actor=admin, purpose="notice", text="Send me offers.")
    assert save_wording(actor=admin, purpose="marketing", text=second.text).pk == second.pk
    assert (first.version, second.version, other.version) == (1, 2, 1)
    assert AuditEntry.objects.filter(action="CONSENT_WORDING_SAVED").count() == 3
    for wrong, field in (({"purpose": "account"}, "purpose"), ({"text": "  "}, "text"), ({"text": "x" * 4001}, "text")):
        with pytest.raises(Invalid) as refused:
            save_wording(**{"actor": admin, "purpose": "marketing", "text": "Yes", **wrong})
        assert list(refused.value.facts["fields"]) == [field]
    with pytest.raises(Refused):
        save_wording(actor=acme.actor("support"), purpose="marketing", text="Yes")
    with pytest.raises(DatabaseError), transaction.atomic():
        ConsentWording.objects.update(text="Send me everything.")


def test_proof_is_kept_with_a_consent_and_checked(acme: World) -> None:
    admin, support = acme.actor("admin"), acme.actor("support")
    marketing = save_wording(actor=admin, purpose="marketing", text="Yes").pk
    notice = save_wording(actor=admin, purpose="notice", text="Yes").pk
    proof = {"wording_id": marketing, "way": "paper", "place": "Shop in Leipzig", "evidence": "Form 12, drawer 3"}
    line = say(actor=support, **proof)
    assert {name: getattr(line, name) for name in proof} == proof
    assert AuditEntry.objects.get(action="CONSENT_RECORDED").facts["wording_id"] == str(marketing)
    assert say(at=line.at).pk == line.pk
    assert say(at=line.at, way="phone").pk != line.pk
    wrong: dict[str, dict[str, Any]] = {
        "wording_id": {"wording_id": notice},
        "way": {"way": "pigeon"},
        "place": {"place": "https://shop.example/?mail=ana@customers.example"},
        "evidence": {"evidence": "Call of +34 600 123 456"},
        "expires_at": {"expires_at": now() - DAY},
    }
    for field, given in {**wrong, "unknown wording": {"wording_id": uuid4()}}.items():
        with pytest.raises(Invalid) as refused:
            say(**given)
        assert list(refused.value.facts["fields"]) == [field.replace("unknown wording", "wording_id")]
    for name, value in {**proof, "expires_at": now() + DAY}.items():
        with pytest.raises(Invalid) as refused:
            say("withdrawn", **{name: value})
        assert list(refused.value.facts["fields"]) == [name]
    with pytest.raises(TypeError):
        say(adress="a typing error")
    with pytest.raises(DatabaseError), transaction.atomic():
        Consent.objects.create(address_index="i", channel="any", purpose="reply", state="withdrawn", way="form")
