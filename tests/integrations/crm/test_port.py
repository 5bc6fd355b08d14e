"""The contract of the port, held by each adapter against its stand-in process."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any, ClassVar

import pytest

from core.clock import now
from core.errors import Conflict, Invalid
from core.tenancy.scope import tenant_scope
from integrations.calls import records
from integrations.calls.answers import Answer, CleanFailure, Ok, Unknown
from integrations.calls.operations import Line
from integrations.connections import services as connections
from integrations.crm.ports import CrmClient
from integrations.crm.services import open_crm
from integrations.crm.types import CrmContact, CrmNote, CrmProperty
from integrations.hubspot import contacts as hubspot_client
from integrations.models import ProviderAccount, ProviderCall
from integrations.salesforce import client as salesforce_client
from integrations.salesforce.client import SalesforceClient
from tests.edge.salesforce_fixture import SalesforceServer, salesforce, salesforce_process
from tests.edge.tickets_fixture import CUSTOMER, TicketServer, hubspot, hubspot_process
from tests.integrations.connections.conftest import Liar, liar
from tests.integrations.ticketing.conftest import connect
from tests.world import World

__all__ = ["hubspot", "hubspot_process", "liar", "salesforce", "salesforce_process"]
ANA = CrmContact("c-1", "Ana Souza", "ana@quill.example", "+34600111222", heat="hot", score="70")
BO = CrmContact("c-2", "Bo Chan", "bo@quill.example")
NOTE_KEY = "walker:closing:1"
ONE, OTHER = "003000000000001AAA", "003000000000002AAA"
TEXT = CrmProperty("text")


def note() -> CrmNote:
    return CrmNote(
        '<p><b>Customer:</b> Ana &amp; co</p><p><a href="https://walker.example/1">Open in Walker</a></p>', now()
    )


def value(answer: Answer[Any]) -> Any:
    """Return the value of an answer that has one."""
    assert isinstance(answer, Ok), answer
    return answer.value


class CrmContract:
    """What every adapter does; a class for each says how its system calls things, and what it answers."""

    name: ClassVar[str]
    base: ClassVar[str]
    module: ClassVar[ModuleType]
    key: ClassVar[str]
    last: ClassVar[str]
    writes: ClassVar[str]
    notes: ClassVar[str]
    reads: ClassVar[str]
    secret: ClassVar[str]
    switch: ClassVar[str]
    """What takes away the fields that somebody has to make there."""
    missing: ClassVar[list[str]]
    properties: ClassVar[Mapping[str, CrmProperty | None]]
    refusals: ClassVar[list[tuple[Any, int, str, list[str]]]]
    """What it may answer to a contact, as the code and fields of a refusal; the last one is about a right."""
    endless: ClassVar[Any]

    @pytest.fixture
    def there(self, request: pytest.FixtureRequest, world: World) -> Iterator[TicketServer]:
        """The first tenant's scope, connected with the adapter's stand-in."""
        server: TicketServer = request.getfixturevalue(self.name)
        connect(server, world)
        with tenant_scope(world.acme.pk):
            yield server

    def client(self, **line: Any) -> CrmClient:
        account = ProviderAccount.objects.get()
        return open_crm(account, line=Line(account, **line))

    def made(self, there: TicketServer) -> list[str]:
        """What was created and deleted there."""
        return [item["operation"] for item in there.journal() if not item["operation"].startswith("change_")]

    def test_contact_is_written_once_however_often_and_changed_by_our_id(self, there: TicketServer) -> None:
        number = value(self.client().write_contact(ANA))
        there.script(self.writes, "drop_after")
        assert isinstance(self.client(attempts=1).write_contact(BO), Unknown)
        assert value(self.client().write_contact(BO)) != number
        assert value(self.client().write_contact(replace(ANA, name="Ana Maria", phone=""))) == number
        assert self.made(there) == ["create_contacts"] * 2
        ana, bo = sorted(value(self.client().read_page({})).records, key=lambda record: record.key)
        shown = [ana.values[name] for name in ("name", "email", "phone", "heat")]
        assert shown == ["Ana Maria", ANA.email, ANA.phone, "hot"]  # what isn't known stays
        assert (ana.key, ana.number, bo.values["name"], ANA.email in repr(ana)) == ("c-1", number, BO.name, False)

    def test_refused_contact_names_its_field_and_a_limit_is_none(self, there: TicketServer) -> None:
        for email in (CUSTOMER, "ana@quill.invalid"):
            failed = self.client().write_contact(replace(ANA, email=email))
            assert isinstance(failed, CleanFailure)
            assert (failed.code, failed.facts, email in repr(failed)) == ("refused", {"fields": ["email"]}, False)
        for match, call in ((self.writes, lambda client: client.write_contact(ANA)),
                            (self.reads, lambda client: client.read_page({}))):  # fmt: skip
            there.script(match, "429", retry_after=1)
            failed = call(self.client(attempts=1))
            assert isinstance(failed, CleanFailure)
            assert (failed.retry, failed.was_called) == (True, True)
        assert self.made(there) == []

    def test_answers_that_match_several_or_name_a_field_are_refusals_without_the_vendors_words(
        self, there: TicketServer, liar: Liar, settings: Any
    ) -> None:
        value(self.client().missing_properties())  # it may have asked for a token
        setattr(settings, self.base, liar.url)
        client = self.client(attempts=1)
        for body, status, code, fields in self.refusals:
            liar.say(body, status)
            failed = client.write_contact(ANA)
            assert isinstance(failed, CleanFailure)
            assert (failed.code, failed.facts, ANA.email in str(failed)) == (code, {"fields": fields}, False)
        assert client.erase_contact(ANA.key).code == "no_right"  # type: ignore[union-attr]
        for unclear in ("<html>", {"results": []}):
            liar.say(unclear)
            assert client.write_contact(ANA).code == "bad_answer"  # type: ignore[union-attr]
        assert ProviderAccount.objects.get().expired_at is None

    def test_note_is_added_once_under_its_key(self, there: TicketServer) -> None:
        number = value(self.client().write_contact(ANA))
        there.script(self.notes, "drop_after")
        assert isinstance(self.client(attempts=1).add_note(number, note(), NOTE_KEY), Unknown)
        assert value(self.client().add_note(number, note(), NOTE_KEY)) is True
        value(self.client().add_note(number, note(), "walker:closing:2"))
        assert self.made(there).count("create_notes") == 2

    def test_erased_contact_is_gone_with_its_notes_and_nobody_else(self, there: TicketServer) -> None:
        numbers = [value(self.client().write_contact(one)) for one in (ANA, BO)]
        for number, key in zip(numbers, (NOTE_KEY, "walker:closing:2"), strict=True):
            value(self.client().add_note(number, note(), key))
        for key in ("c-9", "c-9' OR Id != '", "../c-1"):
            assert value(self.client().erase_contact(key)) is False
        assert [value(self.client().erase_contact("c-1")) for _ in range(2)] == [True, False]
        assert [record.key for record in value(self.client().read_page({})).records] == ["c-2"]
        for key in (NOTE_KEY, "walker:closing:2"):  # the first one is no longer there
            value(self.client().add_note(numbers[1], note(), key))
        assert self.made(there).count("create_notes") == 3

    def test_pages_lead_through_one_moment_and_an_idle_one_is_one_call(
        self, there: TicketServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(self.module, "PAGE", 3)
        at = (now() - timedelta(minutes=30)).isoformat(timespec="milliseconds")
        keys = [f"c-{number}" for number in range(7)]
        there.change(contacts=[{"properties": {self.key: key, self.last: "Old"}, "at": at} for key in keys])
        page = value(self.client().read_page({}))
        assert page.left == 7
        seen = {record.key: record.number for record in page.records}
        for _ in range(8):
            if page.is_last:
                break
            page = value(self.client().read_page(page.position))
            seen |= {record.key: record.number for record in page.records}
        assert (sorted(seen), page.is_last) == (keys, True)
        there.requests()
        idle = value(self.client().read_page(page.position))
        assert (idle.records, idle.is_last, len(there.requests())) == ((), True, 1)
        there.change(contacts=[{"id": "c-1", "by": self.key, "merged_into": "c-2"}])
        (winner,) = value(self.client().read_page(page.position)).records
        assert (winner.key, winner.merged) == ("c-2", (seen["c-1"],))

    def test_what_shows_late_is_read_after_a_full_page_too(
        self, there: TicketServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(self.module, "PAGE", 3)
        at = [now() - timedelta(seconds=seconds) for seconds in range(9, 4, -1)]
        people = [({self.key: f"c-{number}", self.last: "Old"}, one) for number, one in enumerate(at)]
        there.change(contacts=[{"properties": said, "at": one.isoformat()} for said, one in people])
        page = value(self.client().read_page({}))
        while not page.is_last:
            page = value(self.client().read_page(page.position))
        late = {"properties": {self.key: "c-9", self.last: "Late"}, "at": (now() - timedelta(minutes=1)).isoformat()}
        there.change(contacts=[late])
        assert "c-9" in [record.key for record in value(self.client().read_page(page.position)).records]

    def test_position_of_a_moment_shows_what_changed_after_it(self, there: TicketServer) -> None:
        ago = [now() - timedelta(minutes=minutes) for minutes in (90, 10)]
        people = [({self.key: f"c-{number}", self.last: "Old"}, one.isoformat()) for number, one in enumerate(ago)]
        there.change(contacts=[{"properties": said, "at": at} for said, at in people])
        client = self.client()
        for moment, keys in ((now() - timedelta(hours=2), ["c-0", "c-1"]), (ago[1], ["c-1"]), (now(), [])):
            page = value(client.read_page(client.position_at(moment)))
            assert ([record.key for record in page.records], page.is_last) == (keys, True)

    def test_last_change_of_a_value_is_not_that_of_its_contact(self, there: TicketServer) -> None:
        number = value(self.client().write_contact(ANA))
        at = now().replace(microsecond=0) + timedelta(minutes=1)
        one = {"id": "c-1", "by": self.key}
        there.change(contacts=[{**one, "properties": {self.last: "Ana Maria"}, "at": at.isoformat()}])
        there.change(contacts=[{**one, "at": (at + timedelta(minutes=1)).isoformat()}])
        assert value(self.client().read_changes([number], ["name", "language"])) == {number: {"name": at}}

    def test_pages_that_do_not_lead_on_are_noticed(
        self, there: TicketServer, liar: Liar, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(self.module, "PAGE", 1)
        value(self.client().missing_properties())
        setattr(settings, self.base, liar.url)
        liar.say(self.endless)
        answer = self.client().read_page({})
        for _ in range(5):
            answer = self.client().read_page(answer.value.position) if isinstance(answer, Ok) else answer
        assert isinstance(answer, CleanFailure)
        assert answer.code == "endless_pages"

    def test_what_has_to_be_made_there_is_named_and_what_a_property_holds_is_said(self, there: TicketServer) -> None:
        assert value(self.client().missing_properties()) == []
        found = {name: value(self.client().find_property(name)) for name in self.properties}
        assert found == self.properties
        there.change(**{self.switch: False})
        assert value(self.client().missing_properties()) == self.missing
        failed = self.client().write_contact(ANA)
        assert isinstance(failed, CleanFailure)
        assert (failed.code, "key" in failed.facts["fields"]) == ("refused", True)
        failed = self.client().erase_contact("c-1")  # nobody knows: it may have been hidden from us
        assert isinstance(failed, CleanFailure)

    def test_no_secret_and_no_value_of_a_person_is_in_the_record_of_calls(self, there: TicketServer) -> None:
        number = value(self.client().write_contact(ANA))
        self.client().write_contact(replace(ANA, email="ana@quill.invalid"))
        value(self.client().add_note(number, note(), NOTE_KEY))
        value(self.client().read_page({}))
        value(self.client().erase_contact("c-1"))
        records.write_rows()
        rows = str(list(ProviderCall.objects.values()))
        hidden = (ANA.email, "quill.invalid", ANA.name, ANA.phone, there.credentials()[self.secret])
        assert ("write_contact" in rows, [text for text in hidden if text in rows]) == (True, [])


class TestHubspot(CrmContract):
    """HubSpot has properties."""

    name, base, module = "hubspot", "HUBSPOT_API_BASE", hubspot_client
    key, last, secret, switch = "walker_contact", "firstname", "token", "has_key_property"
    writes = "POST /crm/v3/objects/contacts/batch/upsert"
    notes = "POST /crm/v3/objects/notes"
    reads = "POST /crm/v3/objects/contacts/search"
    missing = [
        "walker_contact of contacts, with unique values", "walker_lead of contacts", "walker_lead_score of contacts",
        "walker_request of notes, with unique values",
    ]  # fmt: skip
    properties = {
        "nickname": TEXT,
        "Nickname": None,
        "nothing": None,
        "passport": replace(TEXT, is_sensitive=True),
        "hs_object_id": CrmProperty("number", is_read_only=True),
        "hs_language": CrmProperty("choice", frozenset({"en", "de"})),
    }
    _error = {"category": "VALIDATION_ERROR", "message": f"{ANA.email} is bad", "context": {"propertyName": ["phone"]}}
    refusals = [
        ({"results": [{"id": "1"}, {"id": "2"}]}, 200, "several_matches", ["key"]),
        ({"results": [], "numErrors": 1, "errors": [_error]}, 207, "refused", ["phone"]),
        (_error, 400, "refused", ["phone"]),
        ({"category": "MISSING_SCOPES", "message": ANA.email}, 403, "no_right", []),
    ]
    endless = {
        "total": 1,
        "results": [
            {"id": "7", "properties": {"walker_contact": "c-1", "lastmodifieddate": "2026-01-01T00:00:00.000Z"}}
        ],
    }


class TestSalesforce(CrmContract):
    """Salesforce has fields, wants a last name, and keeps in a bin what is deleted."""

    name, base, module = "salesforce", "SALESFORCE_API_BASE", salesforce_client
    key, last, secret, switch = "Walker_Id__c", "LastName", "client_secret", "has_own_fields"
    writes = "PATCH /services/data/v64.0/sobjects/Contact/"
    notes = "PATCH /services/data/v64.0/sobjects/Task/"
    reads = "GET /services/data/v64.0/query"
    missing = [
        "Walker_Lead__c of Contact", "Walker_Lead_Score__c of Contact",
        "Walker_Id__c of Contact, as a unique external id", "Walker_Key__c of Task, as an external id",
    ]  # fmt: skip
    properties = {
        "Nickname__c": TEXT,
        "nickname__c": None,
        "Phone": TEXT,
        "Passport__c": replace(TEXT, is_sensitive=True),
        "Id": CrmProperty("id", is_read_only=True),
        "Language__c": CrmProperty("choice", frozenset({"en", "de"})),
        "Walker_Lead_Score__c": CrmProperty("number"),
    }
    refusals = [
        ([f"/services/data/v64.0/sobjects/Contact/{one}" for one in (ONE, OTHER)], 300, "several_matches", ["key"]),
        ([{"errorCode": "STRING_TOO_LONG", "message": ANA.email, "fields": ["Phone"]}], 400, "refused", ["phone"]),
        ([{"errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": f"Phone of {ANA.email} is odd"}], 400,
         "refused", ["phone"]),
        ([{"errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?"}], 400, "refused", ["email"]),
        ([{"errorCode": "INVALID_FIELD", "message": "No such column", "fields": [["x"]]}], 400, "refused", []),
        ([{"errorCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": ANA.email}], 403, "no_right", []),
    ]  # fmt: skip
    endless = {
        "totalSize": 1,
        "records": [
            {
                "Id": ONE, "Walker_Id__c": "c-1", "SystemModstamp": "2026-01-01T00:00:00.000+0000", "LastName": "Ana",
                "Email": None, "Phone": None, "Walker_Lead__c": None, "Walker_Lead_Score__c": None,
                "MasterRecordId": OTHER,
            }
        ],
    }  # fmt: skip

    def client(self, **line: Any) -> SalesforceClient:
        found = super().client(**line)
        assert isinstance(found, SalesforceClient)
        return found

    def test_contact_without_a_name_is_refused_only_when_it_is_new(self, there: SalesforceServer) -> None:
        failed = self.client().write_contact(replace(ANA, name=""))
        assert isinstance(failed, CleanFailure)
        assert (failed.code, failed.facts) == ("refused", {"fields": ["name"]})
        value(self.client().write_contact(ANA))
        value(self.client().write_contact(replace(ANA, name="")))
        assert [
            one["LastName"] for one in there.query_all("SELECT LastName FROM Contact WHERE Walker_Id__c = 'c-1'")
        ] == [ANA.name]

    def test_number_is_found_where_a_change_answers_without_a_body(
        self, there: SalesforceServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number = value(self.client().write_contact(ANA))
        monkeypatch.setattr(salesforce_client, "ROOT", "/services/data/v45.0")
        assert value(self.client().write_contact(ANA)) == number

    @pytest.mark.slow
    def test_ended_session_and_a_locked_row_are_tried_again(self, there: SalesforceServer) -> None:
        number = value(self.client().write_contact(ANA))
        there.call("POST", "/__expire")
        there.requests()
        assert value(self.client(attempts=1).write_contact(ANA)) == number
        assert len(there.requests()) == 2
        there.script(self.writes, "fail", status=400, code="UNABLE_TO_LOCK_ROW")
        assert value(self.client().write_contact(ANA)) == number
        assert ProviderAccount.objects.get().expired_at is None

    def test_test_of_a_connection_whose_session_ended_begins_another_one(
        self, there: SalesforceServer, world: World
    ) -> None:
        given = {"actor": world.actor("owner"), "connection_id": ProviderAccount.objects.get().pk}
        for _ in range(2):
            assert connections.test_connection(**given).words == "Salesforce · Acme"
            there.call("POST", "/__expire")
        there.script("POST /services/oauth2/token", "fail", status=401, code="invalid_client", times=9)
        assert not connections.test_connection(**given).is_working
        assert ProviderAccount.objects.get().state == "expired"

    def test_what_lies_in_the_bin_says_nothing_of_an_erased_person(self, there: SalesforceServer) -> None:
        number = value(self.client().write_contact(ANA))
        value(self.client().add_note(number, note(), NOTE_KEY))
        asked = "SELECT Subject, Status, Description FROM Task"
        (task,) = there.query_all(asked)
        assert task["Description"] == "Customer: Ana & co\nOpen in Walker: https://walker.example/1"
        assert (task["Subject"], task["Status"]) == ("Conversation in Walker", "Completed")
        value(self.client().erase_contact("c-1"))
        fields = "IsDeleted, LastName, Email, Phone, Walker_Lead__c, Walker_Lead_Score__c"
        (gone,) = there.query_all(f"SELECT {fields} FROM Contact WHERE Walker_Id__c = 'c-1'")
        assert [gone[name] for name in fields.split(", ")] == [True, "Erased", None, None, None, None]
        assert [one["Description"] for one in there.query_all(asked)] == [None]

    def test_history_that_is_not_tracked_dates_nothing(self, there: SalesforceServer) -> None:
        number = value(self.client().write_contact(ANA))
        there.change(tracks_history=False)
        assert value(self.client().read_changes([number], ["name"])) == {}

    def test_connection_is_tried_by_the_organisations_name_and_its_domain_is_checked(
        self, there: SalesforceServer, world: World
    ) -> None:
        given = {"actor": world.actor("owner"), "connection_id": ProviderAccount.objects.get().pk}
        assert connections.test_connection(**given).words == "Salesforce · Acme"
        with pytest.raises(Conflict) as refused:
            connections.rotate(**given, credentials={**there.credentials(), "client_secret": "wrong"})
        assert refused.value.code == "invalid_client"
        with pytest.raises(Invalid) as wrong_domain:
            connections.rotate(**given, credentials={**there.credentials(), "domain": "acme.example/x"})
        assert list(wrong_domain.value.facts["fields"]) == ["domain"]
