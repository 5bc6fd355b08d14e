"""The contract of the port, held by each adapter against its stand-in process; Roundup's by a real server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
import time_machine
from django.db import connections as databases

from accounts.models import Notice
from core.clock import now
from core.errors import Conflict, NotFound, Unavailable
from core.tenancy.scope import tenant_scope
from integrations.calls.answers import Answer, CleanFailure, Ok, Unknown
from integrations.calls.operations import Line
from integrations.connections import services as connections
from integrations.models import ProviderAccount
from integrations.ticketing import registry, selectors
from integrations.ticketing.ports import TicketClient
from integrations.ticketing.types import Comment, NewTicket, Ticket
from tests.edge.tickets_fixture import ADDS, CREATES, CUSTOMER, READS, TicketServer
from tests.integrations.ticketing.conftest import Desk, connect, make_contact
from tests.world import World

NEW = NewTicket("Zip is broken", "It broke on the first day.", "high", CUSTOMER, "Carla Jansen")
INTERNAL = Comment("Looks like a known defect.", is_internal=True)
KEY = "walker:0192:1"


def at_once(clients: list[TicketClient], deed: Callable[[TicketClient], Any]) -> list[Any]:
    """Let each client do it in a thread, in the test's own scope and transaction."""
    shared = databases["default"]

    def do(client: TicketClient) -> Any:
        databases["default"] = shared
        return deed(client)

    shared.inc_thread_sharing()
    try:
        with ThreadPoolExecutor(len(clients)) as pool:
            begun = [pool.submit(copy_context().run, do, client) for client in clients]
            return [one.result() for one in begun]
    finally:
        shared.dec_thread_sharing()


class TicketContract:
    """What every adapter does; a class for each names its server, and the secret of an account there."""

    name: str
    secret = "token"

    @pytest.fixture
    def there(self, request: pytest.FixtureRequest, world: World) -> Any:
        """The first tenant's scope, connected with the adapter's stand-in."""
        server: TicketServer = request.getfixturevalue(self.name)
        connect(server, world)
        with tenant_scope(world.acme.pk):
            from tests.integrations.ticketing.conftest import customer

            yield Desk(server, customer(make_contact().pk), world)

    def client(self, **line: Any) -> TicketClient:
        linked = selectors.connection()
        opened: TicketClient = linked.open(Line(linked.account, **line)).__enter__()
        return opened

    def first(self) -> Ticket:
        """The open ticket of the seed."""
        return next(row for row in value(self.client().search(CUSTOMER)) if not row.is_done)

    def test_search_finds_the_tickets_of_one_address_only(self, there: Desk) -> None:
        rows = value(self.client().search(CUSTOMER.upper()))
        assert [(row.subject, row.status) for row in rows] == [
            ("The left boot leaks", "open"), ("Where is my invoice?", "solved"),
        ]  # fmt: skip
        assert value(self.client().search("gus@customers.example")) == []
        assert value(self.client().search('nobody" requester:"carla@customers.example')) == []

    def test_ticket_is_read_with_its_owner(self, there: Desk) -> None:
        found = value(self.client().get(self.first().number))
        assert found is not None
        assert (found.addresses, "addresses" in repr(found)) == (frozenset({CUSTOMER}), False)
        assert value(self.client().get("999999")) is None

    def test_created_ticket_is_found_by_its_key_and_never_created_again(self, there: Desk) -> None:
        assert value(self.client().find_created(KEY)) is None
        made = value(self.client().create(NEW, KEY))
        assert (made.subject, made.status, made.priority) == ("Zip is broken", "new", "high")
        again = value(self.client().create(NEW, KEY))
        assert (again.number, there.server.created()) == (made.number, 1)
        assert made.number in [row.number for row in value(self.client().search(CUSTOMER))]
        found = value(self.client().find_created(KEY))
        assert found is not None
        assert found.addresses == {CUSTOMER}

    def test_ticket_for_somebody_new_is_theirs(self, there: Desk) -> None:
        new = NewTicket("Hello", "I have a question.", "normal", "new@customers.example", "Nia New")
        made = value(self.client().create(new, KEY))
        assert [row.number for row in value(self.client().search("new@customers.example"))] == [made.number]

    @pytest.mark.slow
    @pytest.mark.parametrize("deed", ["drop_after", "stall_after", "html_after"])
    def test_lost_answer_is_unknown_and_the_second_try_finds_it(self, there: Desk, deed: str) -> None:
        there.server.script(CREATES[self.name], deed, seconds=4.0)
        lost = self.client(seconds=3.0, attempts=1).create(NEW, KEY)
        assert isinstance(lost, Unknown)
        assert isinstance(self.client(attempts=1).create(NEW, KEY), Ok)
        assert there.server.created() == 1

    @pytest.mark.parametrize(("deed", "kind"), [("drop_before", Unknown), ("fail", Unknown), ("429", CleanFailure)])
    def test_create_that_did_nothing_is_done_by_the_next_try(self, there: Desk, deed: str, kind: type) -> None:
        there.server.script(CREATES[self.name], deed, status=503)
        failed = self.client(attempts=1).create(NEW, KEY)
        assert isinstance(failed, kind)
        assert value(self.client().find_created(KEY)) is None
        assert isinstance(self.client(attempts=1).create(NEW, KEY), Ok)
        assert there.server.created() == 1

    def test_limit_says_when_to_come_back(self, there: Desk) -> None:
        there.server.script(CREATES[self.name], "429", retry_after=7)
        failed = self.client(attempts=1).create(NEW, KEY)
        assert isinstance(failed, CleanFailure)
        assert (failed.retry, failed.retry_after) == (True, 7.0)

    @pytest.mark.slow
    def test_reading_is_tried_three_times(self, there: Desk) -> None:
        number = self.first().number
        there.server.script(READS[self.name], "fail", times=2, status=502)
        assert value(self.client().get(number)) is not None
        there.server.script(READS[self.name], "fail", times=3, status=502)
        assert isinstance(self.client().get(number), CleanFailure)

    def test_two_workers_with_one_key_create_one_ticket(self, there: Desk) -> None:
        both = [self.client(attempts=1) for _ in range(2)]
        answers = at_once(both, lambda client: client.create(NEW, KEY))
        assert {one.value.number for one in answers if isinstance(one, Ok)} != set()
        assert there.server.created() == 1

    def test_comment_is_added_once_and_stays_internal(self, there: Desk) -> None:
        number = self.first().number
        assert value(self.client().has_comment(number, KEY)) is False
        for _ in range(2):
            assert value(self.client().comment(number, INTERNAL, KEY)) is True
        assert len(there.server.comments()) == 1
        assert there.server.comments()[0]["detail"].get("public", False) is False
        assert value(self.client().has_comment(number, KEY)) is True

    def test_comment_whose_answer_is_lost_is_found(self, there: Desk) -> None:
        number = self.first().number
        there.server.script(ADDS[self.name], "drop_after")
        assert isinstance(self.client(attempts=1).comment(number, INTERNAL, KEY), Unknown)
        assert value(self.client().has_comment(number, KEY)) is True
        assert value(self.client(attempts=1).comment(number, INTERNAL, KEY)) is True
        assert len(there.server.comments()) == 1

    def test_status_is_kept_for_five_minutes_and_its_age_known_after(self, there: Desk) -> None:
        number, account = self.first().number, selectors.connection().account
        there.server.requests()
        with time_machine.travel(now(), tick=False) as clock:

            def read(**line: Any) -> Line:
                used = Line(account, takes_last=True, **line)
                assert selectors.get_ticket(number, there.customer, line=used).status == "open"
                return used

            read()
            first = there.server.requests()
            read()
            assert (bool(first), there.server.requests()) == (True, [])
            clock.shift(301)
            there.server.script(READS[self.name], "fail", times=3, status=500)
            assert read(attempts=1).read_at is not None

    def test_wrong_credentials_are_clean_and_say_nothing(self, there: Desk) -> None:
        account = ProviderAccount.objects.get()
        ProviderAccount.objects.update(credentials={**account.credentials, self.secret: "wrong-token"})
        failed = self.client(attempts=1).create(NEW, KEY)
        assert isinstance(failed, CleanFailure)
        assert "wrong-token" not in repr(failed)
        with pytest.raises(Unavailable):
            selectors.search_tickets(there.customer)
        assert there.server.created() == 0

    def test_test_of_refused_credentials_says_so_and_expires_the_connection(self, there: Desk) -> None:
        account, owner = ProviderAccount.objects.get(), there.world.actor("owner")
        wrong = {**account.credentials, self.secret: "wrong-token"}
        with pytest.raises(Conflict, match=r"doesn't accept these credentials\. Check them\."):
            connections.connect(actor=owner, provider=self.name, name="Two", credentials=wrong)
        ProviderAccount.objects.update(credentials=wrong)
        found = connections.test_connection(actor=owner, connection_id=account.pk)
        account.refresh_from_db()
        assert (found.code, account.state, account.last_error) == ("refused", "expired", "refused")
        assert Notice.objects.filter(kind="connection", person_id=owner.user_id).count() == 1

    def test_other_tenants_and_other_customers_tickets_read_as_unknown(self, there: Desk) -> None:
        mine = self.first().number
        stranger = registry.get_customer(str(make_contact("stranger@customers.example", "Stan").pk))
        with pytest.raises(NotFound) as foreign:
            selectors.get_ticket(mine, stranger)
        with pytest.raises(NotFound) as missing:
            selectors.get_ticket("999999", stranger)
        assert foreign.value.detail == missing.value.detail
        assert selectors.search_tickets(stranger) == []
        kept = selectors.search_tickets(there.customer)
        linked = selectors.connection()
        with tenant_scope(there.world.globex.pk):
            with pytest.raises(NotFound):
                selectors.get_ticket(mine, None)
            assert selectors.last_tickets(linked, there.customer.id) is None
        found = selectors.last_tickets(linked, there.customer.id)
        assert found is not None
        assert [row["ticket"] for row in found.tickets] == [row.number for row in kept]


def value(answer: Answer[Any]) -> Any:
    """Return the value of an answer that has one."""
    assert isinstance(answer, Ok), answer
    return answer.value


class TestZendesk(TicketContract):
    """Zendesk's own: comments only on the state that was read."""

    name = "zendesk"

    @pytest.mark.slow
    def test_ticket_that_changed_meanwhile_is_read_again(self, there: Desk) -> None:
        number = self.first().number
        there.server.requests()
        there.server.script("PUT /api/v2/tickets/", "change_before", change={"account": "acme", "status": "pending"})
        assert value(self.client().comment(number, Comment("Hello", is_internal=False), KEY)) is True
        puts = [line for line in there.server.requests() if line.startswith("PUT")]
        assert (len(puts), len(there.server.comments())) == (2, 1)
        assert there.server.comments()[0]["detail"]["public"] is True
        assert value(self.client().get(number)).status == "waiting"

    @pytest.mark.slow
    def test_ticket_that_changes_all_the_time_is_a_clean_failure(self, there: Desk) -> None:
        number = self.first().number
        again = {"account": "acme", "status": "pending"}
        there.server.script("PUT /api/v2/tickets/", "change_before", times=3, change=again)
        failed = self.client().comment(number, INTERNAL, KEY)
        assert isinstance(failed, CleanFailure)
        assert (failed.code, failed.retry, there.server.comments()) == ("UpdateConflict", True, [])

    def test_key_that_was_used_for_another_ticket_is_for_a_person_to_check(self, there: Desk) -> None:
        ticket = {"subject": "Other", "comment": {"body": "Other"}, "requester": {"email": CUSTOMER}}
        proof, headers = there.server.credentials(), {"Idempotency-Key": KEY}
        login = (f"{proof['email']}/token", proof["token"])
        there.server.call("POST", "/api/v2/tickets.json", json={"ticket": ticket}, headers=headers, auth=login)
        assert isinstance(self.client(attempts=1).create(NEW, KEY), Unknown)
        assert there.server.created() == 1

    @pytest.mark.slow
    def test_two_workers_with_one_key_add_one_comment(self, there: Desk) -> None:
        number, both = self.first().number, [self.client(attempts=1) for _ in range(2)]
        answers = at_once(both, lambda client: client.comment(number, INTERNAL, KEY))
        assert [isinstance(one, Ok) for one in answers] == [True, True]
        assert len(there.server.comments()) == 1


class TestHubspot(TicketContract):
    """HubSpot's own: a property with our key has to be there, and notes are internal."""

    name = "hubspot"

    def test_without_the_property_nothing_is_created_and_the_summary_says_so(self, there: Desk) -> None:
        linked = selectors.connection()
        with linked.open() as client:
            assert linked.platform.summary(client) == "HubSpot · tickets"
            there.server.change(has_key_property=False)
            with pytest.raises(Unavailable, match="walker_request"):
                linked.platform.summary(client)
        owner = there.world.actor("owner")
        found = connections.test_connection(actor=owner, connection_id=linked.account.pk)
        assert found.words.endswith("Create it there: walker_request of tickets, with unique values.")
        failed = self.client(attempts=1).create(NEW, KEY)
        assert isinstance(failed, CleanFailure)
        assert there.server.created() == 0

    def test_public_comment_is_refused(self, there: Desk) -> None:
        failed = self.client().comment(self.first().number, Comment("Hello", is_internal=False), KEY)
        assert isinstance(failed, CleanFailure)
        assert (failed.code, there.server.comments()) == ("internal_only", [])
