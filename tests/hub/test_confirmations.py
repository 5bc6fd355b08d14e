"""What a customer is asked to confirm: who can, how, once, and what becomes of it."""

import random
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.urls import reverse

from conversations.models import ChannelAccount, Message
from conversations.selectors import frames_for_customer
from conversations.services import receive
from conversations.types import InboundMedia, InboundMessage, SenderIdentity
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry, Outbox
from core.privacy.retention.services import apply_rule
from core.tenancy.scope import tenant_scope
from hitl.actions.base import Origin
from hitl.execution.kill_switch_activation import activate_kill_switch, release_kill_switch
from hitl.models import Approval
from hitl.services import create_workflow, execute, propose
from hub import actions, requests
from hub.confirmations import find_code
from hub.models import CustomerLink, TransactionDraft
from hub.requests import request_commit
from hub.selectors import get_draft_in
from hub.services import link_customer
from integrations.models import ProviderAccount
from tests.console.conftest import Browser, browser
from tests.hitl.machine.test_races import at_once
from tests.hub.conftest import DOOR, Shop, state_of
from tests.world import OPERATOR

__all__ = ["browser"]
COMMIT = "POST /v1/drafts/"


def test_refund_is_drafted_confirmed_by_button_approved_and_booked_once(shop: Shop) -> None:
    talk = shop.begin()
    draft = shop.ask(talk)
    card = shop.card(draft)
    assert card.body == (
        "Please confirm: 49.90 EUR to Ana Souza, Card ending in 4242. Nothing is paid before you confirm."
    )
    frame = next(one for one in frames_for_customer(talk.pk, 0) if one.get("id") == str(card.pk))
    assert [one["title"] for one in frame["metadata"]["choices"]] == ["Confirm", "Don't confirm"]
    announced = Outbox.objects.filter(event="message_received").count()
    message = shop.write("Confirm", press=shop.token(draft))
    assert (state_of(draft), draft.confirmed_by, message.metadata) == ("confirmed", "button", {})
    assert Outbox.objects.filter(event="message_received").count() == announced  # no agent answers it
    assert shop.last_words(talk) == "Thank you, you have confirmed 49.90 EUR. I'll tell you here once it's booked."
    approval = request_commit(draft_id=draft.pk)
    assert request_commit(draft_id=draft.pk).pk == approval.pk
    assert (approval.state, approval.facts["confirmed_by_customer"]) == ("pending", "By the button")
    assert "Ana Souza" not in str([approval.payload, approval.facts, approval.preview, approval.summary])
    assert shop.booked() == 0
    shop.approve(approval)
    assert [execute(approval_id=approval.pk).state for _ in range(2)] == ["executed", "executed"]
    assert (shop.booked(), state_of(draft), draft.transaction_id.startswith("t-")) == (1, "booked", True)
    for _ in range(2):
        requests.tell_outcome(approval_id=approval.pk)
    assert shop.last_words(talk) == "49.90 EUR is booked to Card ending in 4242."
    told = Message.objects.filter(conversation=talk, direction="out")
    assert told.count() == 3
    actions_noted = AuditEntry.objects.filter(object_id=draft.pk).values_list("action", flat=True)
    assert set(actions_noted) == {"TRANSACTION_DRAFTED", "TRANSACTION_CONFIRMED"}


@pytest.mark.slow
def test_destination_is_told_as_the_back_office_wrote_it(shop: Shop) -> None:
    talk = shop.begin()
    draft = shop.ask(talk)
    approval = shop.confirmed(draft)
    shop.approve(approval)
    execute(approval_id=approval.pk)
    draft.destination = "Card {0} {amount.__class__}"
    draft.save(update_fields=["destination"])
    requests.tell_outcome(approval_id=approval.pk)
    assert shop.last_words(talk) == "49.90 EUR is booked to Card {0} {amount.__class__}."


@pytest.mark.slow
def test_code_that_is_typed_confirms_by_sms_and_no_model_reads_it(shop: Shop) -> None:
    talk = shop.begin(by="sms")
    draft = shop.ask(talk)
    code = shop.code(draft)
    card = shop.card(draft)
    assert (code in card.body, code in card.masked_body, "choices" in card.metadata) == (False, False, False)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    said = shop.write(wrong, by="sms")
    assert (state_of(draft), said.masked_body) == ("open", "[confirmation code]")
    assert "isn't right" in shop.last_words(talk)
    said = shop.write(f" {code[:3]} {code[3:]}.", by="sms")
    assert (state_of(draft), draft.confirmed_by, said.masked_body) == ("confirmed", "code", "[confirmation code]")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "provider", "way"),
    [("whatsapp", "cloud", "button"), ("whatsapp", "twilio", "code"), ("email", "imap", "code")],
)
def test_channel_with_buttons_confirms_by_one_and_others_by_a_code(
    shop: Shop, kind: str, provider: str, way: str
) -> None:
    account = ChannelAccount.objects.create(kind=kind, provider=provider, name="Line", address="desk@acme.example")
    mail, phone = SenderIdentity("email", "ana@customers.example", True), SenderIdentity("phone", "+34600111222", True)

    def write(text: str, **metadata: Any) -> Message:
        sender = mail if kind == "email" else phone
        inbound = InboundMessage(account.pk, sender, text=text, client_id=uuid4(), metadata=metadata)
        message: Message = receive(actor=DOOR, inbound=inbound)
        return message

    talk = write("I want my money back").conversation
    link_customer(actor=shop.world.actor("support"), contact_id=talk.contact_id, customer="c-1001")
    draft = shop.ask(talk)
    assert ("choices" in shop.card(draft).metadata) is (way == "button")
    if way == "button":
        write("Confirm", button={"text": "Confirm", "payload": shop.token(draft)})
    else:
        write(shop.code(draft))
    assert (state_of(draft), draft.confirmed_by) == ("confirmed", way)


SIGNED = "\n\n-- \nAnna Souza\n+34 600 111 222"
QUOTE = "On Monday Shop wrote:\n> Please confirm: 49.90 EUR\n> Reply with the code {} to confirm."


@pytest.mark.slow
def test_code_in_a_mail_confirms_above_a_signature_alone_and_reaches_no_model(shop: Shop) -> None:
    account = ChannelAccount.objects.create(kind="email", provider="imap", name="Mail", address="desk@acme.example")

    def write(text: str, quoted: str = "", *, proven: bool = True, files: int = 0, thread: str = "t-1") -> Message:
        inbound = InboundMessage(
            account.pk,
            SenderIdentity("email", "ana@customers.example", proven),
            text=text,
            client_id=uuid4(),
            metadata={"mail": {"subject": "Re: refund", "quoted": quoted}},
            thread=thread,
            media=(InboundMedia("image/png", "mail:1:2", 9, "logo.png"),) * files,
        )
        message: Message = receive(actor=DOOR, inbound=inbound)
        return message

    talk = write("I want my money back").conversation
    link_customer(actor=shop.world.actor("support"), contact_id=talk.contact_id, customer="c-1001")
    draft = shop.ask(talk)
    code = shop.code(draft)
    quote = QUOTE.format(code)
    spaced = f"{code[:3]} {code[3:]}"
    texts = (
        f"{code}, but 50 less please",
        f"My code: {spaced}",
        f"Re: refund\n\n{code}\n\n> {code}",
        f"I was asked for 250 {spaced}",  # the digits before it are no part of it
    )
    for text in texts:
        said = write(text, quote)
        assert "[confirmation code]" in said.masked_body
        kept = str([said.masked_body, said.body, said.metadata])
        assert (state_of(draft), code in kept, spaced in kept) == ("open", False, False)
        assert Outbox.objects.filter(event="message_received", ref=said.pk).exists()  # an agent answers it
    said = write("No, I don't want that. My order is 500199.", quote)
    assert (code in str(said.metadata), "500199" in said.body, state_of(draft)) == (False, True, "open")
    said = write(f"The code\n\n{code}", thread="t-2")  # not an answer to our mail, but a new one
    assert (state_of(draft), code in str([said.masked_body, said.body])) == ("open", False)
    said = write(f"{code}{SIGNED}", quote, proven=False)
    assert (state_of(draft), code in str([said.masked_body, said.metadata])) == ("open", False)
    said = write(f"{code}{SIGNED}", quote, files=1)
    assert (state_of(draft), draft.confirmed_by, said.masked_body) == ("confirmed", "code", "[confirmation code]")
    assert (code in str(said.metadata), said.attachments.count()) == (False, 1)
    assert not Outbox.objects.filter(event="message_received", ref=said.pk).exists()


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ("123456\n\n-- \nAnna\n12 Main Street", True),
        ("123456\r\n\r\nSent from my phone", True),
        ("123456\n\n> Reply with the code 654321 to confirm.\n", True),
        ("123 456.", True),
        ("123456\n\nbut only half of it", False),
        ("123456 50 less", False),
        ("1234567", False),
    ],
)
def test_code_counts_only_with_nothing_said_beside_it(text: str, is_code: bool) -> None:
    assert bool(find_code(text)) is is_code


def test_five_wrong_codes_end_a_draft_and_the_right_one_comes_too_late(shop: Shop) -> None:
    talk = shop.begin(by="sms")
    draft = shop.ask(talk)
    code = shop.code(draft)
    for number in range(1, 6):
        shop.write(f"{(int(code) + number) % 10**6:06}", by="sms")
    assert (state_of(draft), "too many times" in shop.last_words(talk)) == ("ended", True)
    shop.write(code, by="sms")
    assert state_of(draft) == "ended"


@pytest.mark.slow
@pytest.mark.parametrize("words", ["Yes", "yes!", "Ja.", "Oui", "Sí"])
def test_plain_yes_confirms_only_as_the_next_message(shop: Shop, words: str) -> None:
    talk = shop.begin()
    draft = shop.ask(talk)
    shop.write("yes, but 50 less")
    shop.write(words)
    assert state_of(draft) == "open"
    again = shop.ask(talk, amount="39.90")
    assert state_of(draft) == "declined"
    shop.write(words)
    assert (state_of(again), again.confirmed_by) == ("confirmed", "word")


def test_nobody_else_confirms(shop: Shop) -> None:
    talk, other = shop.begin(), shop.begin("tilda", "c-1002")
    draft, theirs = shop.ask(talk), shop.ask(other)
    shop.write("Confirm", "tilda", press=shop.token(draft))
    shop.write("Confirm", proven=False, press=shop.token(draft))
    shop.write("Yes", proven=False)
    shop.write("Confirm", press="confirm:guessed")
    assert (state_of(draft), state_of(theirs)) == ("open", "open")
    with pytest.raises(NotFound):
        get_draft_in(other.pk, str(draft.pk))
    for wrong in ("", "nonsense", str(uuid4())):
        with pytest.raises(NotFound):
            get_draft_in(talk.pk, wrong)
    with tenant_scope(shop.world.globex.pk):
        assert not TransactionDraft.objects.exists()


@pytest.mark.slow
def test_declined_draft_is_never_confirmed(shop: Shop) -> None:
    draft = shop.ask(shop.begin())
    shop.write("Don't confirm", press=shop.token(draft, "decline"))
    shop.write("Confirm", press=shop.token(draft))
    assert state_of(draft) == "declined"
    with pytest.raises(Conflict) as refused:
        request_commit(draft_id=draft.pk)
    assert refused.value.code == "not_confirmed"
    assert not Approval.objects.exists()


def test_second_press_is_told_and_changes_nothing(shop: Shop) -> None:
    talk = shop.begin()
    draft = shop.ask(talk)
    approval = shop.confirmed(draft)
    draft.refresh_from_db()
    at = draft.confirmed_at
    shop.write("Confirm", press=shop.token(draft))
    draft.refresh_from_db()
    assert (shop.last_words(talk), draft.confirmed_at) == ("You have confirmed this already.", at)
    assert request_commit(draft_id=draft.pk).pk == approval.pk
    assert Approval.objects.count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trials", [2, pytest.param(200, marks=pytest.mark.long)])
def test_presses_requests_and_executions_at_once_book_once(shop: Shop, trials: int) -> None:
    talk = shop.begin()
    for number in range(1, trials + 1):
        draft = shop.ask(talk, amount=f"{number}.10")
        token = shop.token(draft)
        at_once([lambda token=token: shop.write("Confirm", press=token)] * 2)  # type: ignore[misc]
        noted = AuditEntry.objects.filter(object_id=draft.pk, action="TRANSACTION_CONFIRMED")
        assert (state_of(draft), noted.count()) == ("confirmed", 1)
        made = at_once([lambda pk=draft.pk: request_commit(draft_id=pk)] * 2)  # type: ignore[misc]
        assert {one.code for one in made if isinstance(one, Conflict)} <= {"being_requested"}
        draft.refresh_from_db()
        approval = Approval.objects.get(pk=draft.approval_id)
        shop.approve(approval)
        at_once([lambda pk=approval.pk: execute(approval_id=pk)] * 2)  # type: ignore[misc]
        assert (Approval.objects.count(), shop.booked(), state_of(draft)) == (number, number, "booked")


@pytest.mark.slow
def test_confirmation_that_ended_while_approvers_slept_is_asked_for_again(shop: Shop) -> None:
    talk = shop.begin()
    draft = shop.ask(talk)
    approval = shop.confirmed(draft)
    with time_machine.travel(now() + timedelta(minutes=31)):
        shop.write("Confirm", press=shop.token(draft))
        shop.office.control("behave", {"seconds_later": 1860})
        shop.approve(approval)
        assert execute(approval_id=approval.pk).state == "failed"
        assert (state_of(draft), shop.booked()) == ("ended", 0)
        again = TransactionDraft.objects.get(asked_again_for=draft)
        assert (again.state, again.amount, again.excluded) == ("open", draft.amount, draft.excluded)
        requests.tell_outcome(approval_id=approval.pk)
        assert "once more" in shop.last_words(talk)
        fresh = shop.confirmed(again)
        shop.approve(fresh)
        assert execute(approval_id=fresh.pk).state == "executed"
    assert shop.booked() == 1


def test_draft_that_was_changed_while_it_was_approved_is_never_booked(shop: Shop) -> None:
    draft = shop.ask(shop.begin())
    approval = shop.confirmed(draft)
    shop.office.control("change", {"company": "acme", "draft": draft.vendor_id, "amount": "4990.00"})
    shop.approve(approval)
    assert execute(approval_id=approval.pk).state == "failed"
    assert shop.booked() == 0
    again = TransactionDraft.objects.get(asked_again_for=draft)
    assert (again.amount, again.digest != draft.digest) == (draft.amount, True)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trials", [3, pytest.param(200, marks=pytest.mark.long)])
def test_change_at_the_moment_of_a_booking_books_what_was_signed_or_nothing(shop: Shop, trials: int) -> None:
    talk, dice, booked = shop.begin(), random.Random(trials), {}
    for number in range(1, trials + 1):
        draft = shop.ask(talk, amount=f"{number}.10")
        approval = shop.confirmed(draft)
        shop.approve(approval)
        change = {"company": "acme", "draft": draft.vendor_id, "amount": "4990.00"}
        waits = dice.choice([0, 0, 0.02, 0.05])

        def clerk(change: dict[str, str] = change, waits: float = waits) -> None:
            time.sleep(waits)
            shop.office.control("change", change)

        at_once([lambda pk=approval.pk: execute(approval_id=pk), clerk])  # type: ignore[misc]
        approval.refresh_from_db()
        ends = {"executed": "booked", "failed": "ended"}
        assert state_of(draft) == ends[approval.state]
        if approval.state == "executed":
            booked[draft.vendor_id] = f"{draft.amount:.2f}"
    done = [row["detail"] for row in shop.office.effects() if row["operation"] == "commit"]
    assert {row["draft"]: row["amount"] for row in done} == booked
    assert len(done) == len(booked)


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["drop_after", "drop_before"])
def test_lost_answer_of_a_booking_is_asked_for_again_with_the_same_key(shop: Shop, deed: str) -> None:
    approval = shop.confirmed(shop.ask(shop.begin()))
    shop.approve(approval)
    shop.office.script(COMMIT, deed)
    assert execute(approval_id=approval.pk).state == "executing"
    assert execute(approval_id=approval.pk, now=now() + timedelta(hours=1)).state == "executed"
    assert shop.booked() == 1


@pytest.mark.slow
def test_probe_tells_what_became_of_a_draft(shop: Shop) -> None:
    draft = shop.ask(shop.begin())
    shop.confirmed(draft)
    kind = actions.CommitTransaction()
    params = kind.params_model.model_validate(actions.params_of(draft))
    assert kind.probe(params, idempotency_key="walker:key of tests:1") is None
    assert kind.execute(params, idempotency_key="walker:key of tests:1").kind == "succeeded"
    found = kind.probe(params, idempotency_key="walker:key of tests:1")
    assert found is not None
    assert found.kind == "succeeded"


@pytest.mark.slow
def test_stop_of_the_back_office_ends_drafts_and_holds_bookings(shop: Shop) -> None:
    talk = shop.begin()
    approval = shop.confirmed(shop.ask(talk))
    shop.approve(approval)
    owner, main = shop.world.actor("owner"), ProviderAccount.objects.get(provider="back_office")
    ProviderAccount.objects.filter(pk=main.pk).update(is_default=False)  # a booking goes where its draft was made
    stop = activate_kill_switch(actor=owner, scope="connection", target=str(main.pk), reason="Odd amounts")
    assert (execute(approval_id=approval.pk).state, shop.booked()) == ("approved", 0)
    ProviderAccount.objects.filter(pk=main.pk).update(is_default=True)
    with pytest.raises(Conflict, match="emergency stop"):
        shop.ask(talk, amount="1.00")
    release_kill_switch(actor=owner, switch_id=stop.pk)
    assert (execute(approval_id=approval.pk).state, shop.booked()) == ("executed", 1)


@pytest.mark.slow
def test_bad_values_are_refused_with_the_field_named(shop: Shop) -> None:
    talk = shop.begin()
    for changed, field in (
        ({"amount": "0.001"}, "amount"), ({"amount": "0"}, "amount"), ({"amount": "NaN"}, "amount"),
        ({"amount": "-5"}, "amount"), ({"currency": "USD"}, "currency"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            shop.ask(talk, **changed)
        assert (list(refused.value.facts["fields"]), field in refused.value.detail) == ([field], True)
    CustomerLink.objects.all().delete()
    with pytest.raises(Invalid) as refused:
        shop.ask(talk)
    assert refused.value.code == "no_customer"
    assert not TransactionDraft.objects.exists()


def test_other_values_than_the_customers_and_another_door_are_refused(shop: Shop) -> None:
    draft = shop.ask(shop.begin())
    shop.write("Confirm", press=shop.token(draft))
    actor, good = shop.world.actor("support"), actions.params_of(draft)
    for wrong in ({"amount": "4990.00"}, {"currency": "USD"}, {"digest": "0" * 64}, {"draft": str(uuid4())}):
        with pytest.raises((Invalid, NotFound)):
            propose(actor=actor, kind=actions.KEY, params={**good, **wrong}, origin=Origin())
    assert not Approval.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("amount", "state"), [("1000.00", "approved"), ("1000.01", "pending"), ("400.00", "pending")])
def test_rule_decides_up_to_the_limit_of_its_currency_and_a_person_above(
    shop: Shop, settings: object, amount: str, state: str
) -> None:
    rule = {"id": "small", "verdict": "approve", "max_cost": "1000", "max_score": 49}
    create_workflow(
        actor=OPERATOR,
        name="Rule",
        kinds=[actions.KEY],
        priority=5,
        auto_rules=[rule],
        levels=[{"approvers": [{"type": "role", "value": "approver"}]}],
    )
    if amount == "400.00":
        settings.RULE_LIMITS = {"USD": 1000}  # type: ignore[attr-defined]
    assert shop.confirmed(shop.ask(shop.begin(), amount=amount)).state == state


def test_customers_are_linked_by_those_who_may_reply(shop: Shop) -> None:
    talk = shop.begin()
    with pytest.raises(Invalid):
        link_customer(actor=shop.world.actor("support"), contact_id=talk.contact_id, customer="c 1001/")
    with pytest.raises(Refused):
        link_customer(actor=shop.world.actor("viewer"), contact_id=talk.contact_id, customer="c-1002")
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        link_customer(actor=shop.world.outsider(), contact_id=talk.contact_id, customer="c-1002")
    assert CustomerLink.objects.get().customer == "c-1001"
    assert link_customer(actor=shop.world.actor("support"), contact_id=talk.contact_id, customer="") is None
    assert not CustomerLink.objects.exists()
    entry = AuditEntry.objects.filter(action="CUSTOMER_LINKED").first()
    assert entry is not None
    assert "c-1001" not in str(entry.facts)


@pytest.mark.slow
def test_confirmed_draft_that_a_worker_lost_is_found_again_and_old_ones_go(shop: Shop) -> None:
    draft = shop.ask(shop.begin())
    shop.write("Confirm", press=shop.token(draft))
    later = now() + timedelta(minutes=2)
    assert requests.list_unrequested() == []
    assert [found for _, found in requests.list_unrequested(now=later)] == [draft.pk]
    requests.request_in_background(draft_id=draft.pk)
    assert requests.list_unrequested(now=later) == []
    year, approval = now() + timedelta(days=366), Approval.objects.get()
    assert (apply_rule("payments"), apply_rule("payments", now=year)) == (0, 0)  # its request is open
    shop.approve(approval)
    assert execute(approval_id=approval.pk).state == "executed"
    assert (apply_rule("payments"), apply_rule("payments", now=year)) == (0, 1)


@pytest.mark.parametrize("trials", [2, pytest.param(200, marks=pytest.mark.long)])
def test_lost_answers_book_each_confirmed_draft_once(shop: Shop, trials: int) -> None:
    dice, kind = random.Random(34), actions.CommitTransaction()
    talk = shop.begin()
    for number in range(trials):
        draft = shop.ask(talk)
        shop.write("Confirm", press=shop.token(draft))
        params = kind.params_model.model_validate(actions.params_of(draft))
        for _ in range(dice.randint(1, 3)):
            shop.office.script(COMMIT, dice.choice(["drop_after", "drop_before", "html_after", "fail"]))
            kind.execute(params, idempotency_key=f"walker:trial of tests:{number}")
        shop.office.raw("DELETE", "/__script")
        assert kind.execute(params, idempotency_key=f"walker:trial of tests:{number}").kind == "succeeded"
        assert shop.booked() == number + 1


@pytest.mark.slow
def test_console_shows_what_was_asked_without_names_and_tokens(
    shop: Shop,
    browser: Browser,
) -> None:
    draft = shop.ask(shop.begin())
    token = shop.token(draft).partition(":")[2]
    client = browser("support")
    name = "admin:hub_transactiondraft"
    for path in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[draft.pk])):
        page = client.get(path)
        assert page.status_code == 200
        text = page.content.decode()
        shown = [word for word in ("49.90 EUR", "Waits for the customer") if word in text]
        hidden = [word for word in ("Ana Souza", "c-1001", token) if word in text]
        assert (len(shown), hidden) == (2, [])
