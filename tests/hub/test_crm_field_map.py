"""The field map of a connection: which property each field has, in which direction, and whose value counts."""

import html
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client

from conversations.contacts.known_people import revise_contact
from conversations.models import Contact
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hub.crm import cursors
from hub.crm.field_map import save_field_map
from hub.models import CrmContact
from integrations.crm import services
from integrations.models import ProviderAccount
from tests.hub.crm_scene import EMAIL, Crm, crm, hubspot, hubspot_process
from tests.hub.test_crm import PAGE
from tests.hub.test_crm_readings import change, name_of, read, start

__all__ = ["crm", "hubspot", "hubspot_process"]


def rule(property: str, direction: str = "out", owner: str = "ours") -> dict[str, str]:
    return {"property": property, "direction": direction, "owner": owner}


def save(crm: Crm, who: str = "owner", **fields: dict[str, str]) -> None:
    save_field_map(actor=crm.world.actor(who), connection_id=crm.account.pk, fields=fields)


def rename(crm: Crm, contact: Contact, name: str) -> None:
    if name:
        revise_contact(actor=crm.world.actor("support"), contact_id=contact.pk, name=name)
    else:  # as it is before anybody has said one
        Contact.objects.filter(pk=contact.pk).update(display_name="", masked_name="")


@pytest.mark.slow
def test_map_says_which_fields_are_exchanged_and_is_audited(crm: Crm) -> None:
    ana = crm.customer()
    crm.tell()
    assert crm.there(ana)["email"] == EMAIL
    save(crm, name=rule("nickname"), language=rule("hs_language", "in", "theirs"))
    start(crm)
    crm.work()
    told = crm.there(ana)
    assert (told["nickname"], told["firstname"]) == ("Ana Souza", "Ana Souza")
    rename(crm, ana, "Ana Maria")
    crm.tell()
    told = crm.there(ana)
    assert (told["nickname"], told["firstname"]) == ("Ana Maria", "Ana Souza")
    change(crm, ana, properties={"hs_language": "pt-br", "nickname": "Nobody"})
    assert read() == []
    ana.refresh_from_db()
    assert (ana.language, ana.display_name) == ("pt_BR", "Ana Maria")
    crm.calls()
    crm.tell()
    assert crm.calls() == []  # what was taken isn't sent
    entry = AuditEntry.objects.get(action="CRM_FIELD_MAP_CHANGED")
    assert entry.facts == {"name": "out:ours:nickname", "language": "in:theirs:hs_language"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "ours", "kept"), [("ours", "Ours", "Ours"), ("theirs", "Ours", "Theirs"), ("theirs", "", "Theirs")]
)
def test_owner_decides_where_both_have_a_value(crm: Crm, owner: str, ours: str, kept: str) -> None:
    ana = crm.customer()
    save(crm, name=rule("nickname", "both", owner))
    rename(crm, ana, "Ours")
    crm.tell()
    start(crm)
    read()
    crm.feed()
    crm.work(after=400)
    assert crm.there(ana)["nickname"] == "Ours"  # it was empty there
    rename(crm, ana, ours)
    change(crm, ana, properties={"nickname": "Theirs"})
    read(6)
    assert name_of(ana) == kept
    crm.feed()
    crm.work(after=800)
    assert crm.there(ana)["nickname"] == kept
    rename(crm, ana, "")
    change(crm, ana, properties={"nickname": "Only theirs"})
    read(12)
    assert name_of(ana) == "Only theirs"


def test_what_a_crm_cannot_do_is_named_at_its_field_and_nothing_is_saved(crm: Crm) -> None:
    for fields, name, words in (
        ({"name": rule("nothing")}, "name", "no property with this internal name"),
        ({"name": rule("passport")}, "name", "marked as sensitive"),
        ({"score": rule("hs_object_id")}, "score", "can't be written there"),
        ({"heat": rule("walker_lead_score")}, "heat", "is a number, but this field needs a text or a choice"),
        ({"language": rule("hs_language")}, "language", "is a choice, but this field needs a text"),
        ({"heat": rule("hs_language")}, "heat", "needs hot, warm and cold"),
        ({"name": rule("../email")}, "name", "internal name: letters"),
        ({"name": rule("walker_contact")}, "name", "Another field has this property"),
        ({"name": rule("email"), "email": rule("email")}, "email", "Another field has this property"),
        ({"email": rule("email", "both")}, "email", "Walker doesn't take this"),
        ({"name": rule("nickname", "up")}, "name", "Choose a direction"),
        ({"key": rule("nickname")}, "key", "no such field"),
    ):
        with pytest.raises(Invalid) as problem:
            save(crm, **fields)
        assert words in problem.value.facts["fields"][f"{name}_property"][0]
    with pytest.raises(Invalid, match="at least one property"):
        save(crm)
    with pytest.raises(Refused):
        save(crm, "support", name=rule("nickname"))
    other = ProviderAccount.objects.create(provider="sandbox_ads", name="Ads", credentials={"token": "x"})
    with pytest.raises(Conflict, match="takes no contacts"):
        save_field_map(actor=crm.world.actor("owner"), connection_id=other.pk, fields={"name": rule("nickname")})
    stranger = crm.world.outsider()
    with tenant_scope(crm.world.globex.pk):
        for service in (cursors.start_reading, cursors.pause_reading, partial(save_field_map, fields={})):
            with pytest.raises(NotFound):
                service(actor=stranger, connection_id=crm.account.pk)  # type: ignore[operator]
    assert not AuditEntry.objects.filter(action="CRM_FIELD_MAP_CHANGED").exists()


@pytest.mark.slow
def test_form_saves_the_map_and_shows_errors_at_their_fields(crm: Crm) -> None:
    owner = Client()
    owner.force_login(crm.world.people["owner"], backend="accounts.backends.RoleBackend")
    page = PAGE.format(crm.account.pk)
    choices = {f"{name}_{part}": value for name in ("name", "language") for part, value in
               (("direction", "both"), ("owner", "newest"))}  # fmt: skip

    def press(**said: Any) -> str:
        answer = owner.post(f"{page}map-contacts/", {**choices, **said}, follow=True)
        return " ".join(html.unescape(answer.content.decode()).split())

    assert 'value="firstname"' in owner.get(f"{page}map-contacts/").content.decode()
    assert "no property with this internal name" in press(name_property="nothing")
    assert "The field map was saved." in press(name_property="nickname", heat_property="walker_lead")
    shown = html.unescape(owner.get(page).content.decode())
    assert ("<code>nickname</code>" in shown, "<code>email</code>" in shown) == (True, False)


@pytest.mark.slow
def test_map_that_is_saved_while_a_contact_is_written_is_followed_afterwards(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = crm.customer()
    write = services.write_contact

    def save_meanwhile(*given: Any) -> Any:
        monkeypatch.undo()
        written = write(*given)
        save(crm, name=rule("nickname"))
        return written

    monkeypatch.setattr(services, "write_contact", save_meanwhile)
    crm.tell()
    assert "nickname" not in crm.there(ana)
    crm.work(after=600)
    assert crm.there(ana)["nickname"] == "Ana Souza"


@pytest.mark.slow
def test_contact_of_which_nothing_leaves_is_looked_for_again_in_another_account(crm: Crm) -> None:
    ana = crm.customer()
    crm.tell()
    save(crm, name=rule("nickname", "in"))
    crm.work(after=600)
    ProviderAccount.objects.update(connected_at=now() + timedelta(seconds=1))
    CrmContact.objects.update(outside_id="424242")
    crm.close(ana)
    crm.feed()
    crm.work(after=900)
    assert (crm.row(ana).outside_id != "424242", len(crm.notes())) == (True, 1)
