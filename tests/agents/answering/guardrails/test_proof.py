"""A claim that something is done is proven by an executed request of its kind and target, and by nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from agents.answering.guardrails.proof import Request, target_words
from agents.answering.guardrails.screen import CLAIM, Records, screen
from agents.llm.ports import Turn
from agents.models import AgentVersion
from hitl.actions import registry as kinds
from hitl.actions.base import ClaimWords, Origin
from hitl.models import Approval
from hitl.services import decide, execute, propose
from tests.agents.answering.guardrails import passes
from tests.agents.conftest import Desk
from tests.integrations.test_platforms import RefundOrder, Shop, registered

PAUSED = "Pause Summer Sale"
RAISED = "Raise the daily budget of Summer Sale from 500.00 EUR to 900.00 EUR"
REFUNDED = "Refund the order A-17"


class Silent(RefundOrder):
    """A kind whose effect only a reference tells of."""

    key = "silent_refund"
    claim_words = ClaimWords()


@pytest.fixture(autouse=True)
def fifth_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register a kind of action that nobody wrote the gate for."""
    with registered(monkeypatch, Shop):
        kinds.register(Silent)
        yield


def executed(*requests: tuple[str, str]) -> Records:
    """Return the records of a conversation in which requests of these kinds and headlines were executed."""
    made = [
        Request(f"BR-{number}", "executed", kind, target_words(headline))
        for number, (kind, headline) in enumerate(requests, start=900)
    ]
    return Records(requests=made)


SUMMER = executed(("pause_campaign", PAUSED))
BUDGET = executed(("set_campaign_budget", RAISED))
ORDER = executed(("refund_order", REFUNDED))
BOTH = executed(("refund_order", REFUNDED), ("refund_order", "Refund the order A-18"))
NUMBER = executed(("refund_order", "Refund the order 1042"))
RAISED_AND_PAUSED = executed(("set_campaign_budget", RAISED), ("pause_campaign", PAUSED))
SILENT = executed(("silent_refund", REFUNDED))
META = executed(("update_page_meta", "Update the search entry of /pricing"))
SENT = executed(("send_audience_message", "Message 30 customers"))
DRAFT = executed(("publish_content", "Publish the article “Boot care 101”"))


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("The order A-17 has been refunded.", ORDER),
        ("I've refunded your order.", ORDER),
        ("I've refunded order A-17 for you!", BOTH),
        ("Done!", ORDER),
        ("It's done. Anything else?", SUMMER),
        ("The order 1042 has been refunded.", NUMBER),
        ("I've refunded order #1042 with 20 EUR.", NUMBER),
        ("The campaign Summer Sale has been paused.", SUMMER),
        ("I've paused “Summer Sale” for you.", SUMMER),
        ("I have now paused the campaign for you!", SUMMER),
        ("Summer Sale's campaign has been paused.", SUMMER),
        ("Die Kampagne Summer Sale wurde pausiert.", SUMMER),
        ("The budget has been raised to 900 EUR.", BUDGET),
        ("I've increased it.", BUDGET),
        ("The daily budget of Summer Sale has been raised from 500.00 EUR to 900.00 EUR.", BUDGET),
        ("After checking, your budget has been raised.", BUDGET),
        ("Das Budget wurde auf 900 erhöht.", BUDGET),
        ("Auf Ihren Wunsch wurde das Budget auf 900 erhöht.", BUDGET),
        ("Ich habe das Budget auf 900 erhöht.", BUDGET),
        ("J'ai augmenté le budget.", BUDGET),
        ("El presupuesto ha sido aumentado.", BUDGET),
        ("The change has been applied.", BUDGET),
        ("The title of /pricing has been updated.", META),
        ("I've changed the title of the page.", META),
        ("The article “Boot care 101” has been published.", DRAFT),
        ("I've published the article.", DRAFT),
        ("The campaign has been paused and the order has been refunded.",
         executed(("pause_campaign", PAUSED), ("refund_order", REFUNDED))),
        # The subject stands in another clause.
        ("The campaign budget, as requested, has been raised.", BUDGET),
        ("Das Budget, wie gewünscht, wurde erhöht.", BUDGET),
        ("About your budget, it has been raised.", BUDGET),
        # One more object, or one more clause, after the verb.
        ("I've paused Summer Sale and Winter Boots.",
         executed(("pause_campaign", PAUSED), ("pause_campaign", "Pause Winter Boots"))),
        ("I've paused Summer Sale and you'll hear from us.", SUMMER),
        ("I've paused Summer Sale, and you'll hear from us.", SUMMER),
        ("I've paused Summer Sale, Winter Boots will follow.", SUMMER),
        ("I have raised/paused the campaign.", RAISED_AND_PAUSED),
        # Greetings, interjections and asides say nothing of a target.
        ("Good news, it has been paused.", SUMMER),
        ("Good news: it has been paused.", SUMMER),
        ("Sure, it has been paused.", SUMMER),
        ("Thanks Anna, it has been paused.", SUMMER),
        ("Hi Anna, the campaign has been paused.", SUMMER),
        ("Earlier today, the budget has been raised.", BUDGET),
        ("I've paused Summer Sale as you asked, thanks.", SUMMER),
        ("Según lo pedido, ha sido modificado el presupuesto.", BUDGET),
    ],
)  # fmt: skip
def test_claim_is_sent_when_a_request_of_its_kind_and_target_was_executed(text: str, records: Records) -> None:
    assert screen(text).problem == CLAIM
    assert passes(text, records=records)


@pytest.mark.parametrize(
    ("text", "records"),
    [
        # Another kind was executed.
        ("The order has been cancelled and refunded.", SUMMER),
        (
            "The order has been cancelled and refunded.",
            Records(requests=[Request("BR-3", "executed", "pause_campaign")]),
        ),
        ("The order A-17 has been refunded.", SUMMER),
        ("The campaign has been paused.", ORDER),
        ("The campaign has been paused.", BUDGET),
        ("The order has been paused.", SUMMER),
        ("Your booking has been updated.", BUDGET),
        ("The campaign has been paused and the order has been refunded.", SUMMER),
        ("Die Bestellung wurde storniert.", SUMMER),
        ("Votre commande a été annulée.", BUDGET),
        ("Il budget è stato annullato.", SUMMER),
        # The same kind, about another target.
        ("The order A-18 has been refunded.", ORDER),
        ("I've refunded order A-18.", ORDER),
        ("The order 1043 has been refunded.", NUMBER),
        ("I've refunded order #1043.", NUMBER),
        ("The campaign Winter Boots has been paused.", SUMMER),
        ("I've paused “Winter Boots” for you.", SUMMER),
        ("I've paused winter boots for you.", SUMMER),
        ("Winter Boots' campaign is now paused.", SUMMER),
        ("Die Kampagne Winter Boots wurde pausiert.", SUMMER),
        ("The budget of Winter Boots has been raised.", BUDGET),
        ("All campaigns have been paused.", SUMMER),
        ("The title of /returns has been updated.", META),
        # Two of them, and the sentence does not say which.
        ("Your order has been refunded.", BOTH),
        ("Done!", BOTH),
        # The subject stands in another clause.
        ("The campaign budget, as requested, has been changed.", META),
        ("Das Budget, wie gewünscht, wurde geändert.", META),
        ("Le budget, comme demandé, a été modifié.", META),
        ("The title, as you asked, has been changed.", BUDGET),
        ("The meta description, as requested, has been updated.", BUDGET),
        ("The campaign Winter Boots, as you asked, has been paused.", SUMMER),
        # Verbs joined to one word, and one more object after the verb.
        ("I have raised/paused the campaign.", BUDGET),
        ("I have changed/paused the campaign.", BUDGET),
        ("I have updated-paused the campaign.", BUDGET),
        ("I've paused Summer Sale and Winter Boots.", SUMMER),
        ("I've raised the budget of Summer Sale and Winter Boots.", BUDGET),
        ("I've changed the title and the budget.", META),
        ("I have changed@paused the campaign.", BUDGET),
        ("I've paused Summer Sale and Winter Boots that you wanted.", SUMMER),
        ("I've paused Summer Sale and Winter Boots as you asked.", SUMMER),
        ("I've paused Summer Sale, Winter Boots.", SUMMER),
        ("I've paused Summer Sale, which you know, Winter Boots and you'll hear from us.", SUMMER),
        ("I've paused Summer Sale" + ", thanks" * 20 + ", Winter Boots.", SUMMER),
        ("J'ai augmenté le budget et la commande.", BUDGET),
        # Its target stands far before it, or between asides.
        ("The campaign Winter Boots, as you asked, now has been paused.", SUMMER),
        ("The title, as you asked, yesterday, at noon, has been changed.", BUDGET),
        ("The title" + ", sure" * 20 + ", has been changed.", BUDGET),
        ("The campaign budget, as you asked has been changed.", META),
        ("The campaign budget and, as you asked, the title have been changed.", META),
        ("The campaign, as asked for Winter Boots, has been paused.", SUMMER),
        ("Thanks for Winter Boots, it has been paused.", SUMMER),
        ("Winter Boots, the campaign has been paused.", SUMMER),
        ("You have asked for Winter Boots, you know, it has been paused.", SUMMER),
        ("Your order, it has been changed.", BUDGET),
        ("The refund: it's done.", SUMMER),
        ("The refund; as you asked: it's done.", SUMMER),
        # The things of a kind make a sentence a claim in any of its languages.
        ("Le titre de la page a été modifié.", BUDGET),
        # A message that was sent is nothing that was published.
        ("It has now been published.", SENT),
        ("Your article is live: it has just been published.", SENT),
        # A kind without words.
        ("The order A-17 has been refunded.", SILENT),
        ("Done!", SILENT),
    ],
)
def test_claim_that_no_executed_request_is_about_is_not_sent(text: str, records: Records) -> None:
    assert screen(text, records=records).problem == CLAIM


def test_reference_proves_what_its_kind_is_about_and_all_of_a_kind_without_words() -> None:
    def named(kind: str) -> Records:
        return Records(requests=[Request("BR-3", "executed", kind, target_words(REFUNDED))])

    assert passes("I've refunded your order (BR-3).", records=named("refund_order"))
    assert passes("I've refunded your order (BR-3).", records=named("silent_refund"))
    assert screen("I've refunded your order (BR-3).", records=named("pause_campaign")).problem == CLAIM
    assert passes("BR-3 was approved and done.", records=named("pause_campaign"))


def test_state_that_a_lookup_says_is_no_claim_that_somebody_did_it() -> None:
    read = Records(read='{"orders": [{"order": "a-17", "state": "shipped"}], "status": "paused"}')
    assert passes("The campaign Back to School is now paused.", records=read)
    assert screen("I've paused the campaign Back to School.", records=read).problem == CLAIM
    assert screen("The article is now published.", records=read).problem == CLAIM


@pytest.mark.timed
@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["The budget has been raised. " * 1000, "The budget has been raised, it has been raised, " * 150]
)
def test_many_proven_claims_are_read_in_linear_time(text: str) -> None:
    began = time.process_time()
    assert passes(text, records=BUDGET)
    assert time.process_time() - began < 2


@pytest.mark.slow
@pytest.mark.parametrize(("order", "is_told"), [("A-17", True), ("A-18", False)])
def test_answer_tells_the_executed_request_of_the_fifth_kind_and_no_other(
    desk: Desk, order: str, is_told: bool
) -> None:
    desk.say("hello")
    approval = propose(
        actor=desk.world.actor("support"),
        kind="refund_order",
        params={"order": "A-17"},
        origin=Origin(conversation_id=desk.conversation.pk),
    )
    decide(actor=desk.world.actor("approver"), approval_id=approval.pk, verdict="approve", digest=approval.digest)
    execute(approval.pk)
    assert Approval.objects.get().state == "executed"
    AgentVersion.objects.update(min_confidence=0)  # which has a word about prices and promises of its own
    said = f"The order {order} has been refunded."
    desk.script(lambda _lines, _tools: Turn(said))
    assert (desk.say("And?") == said) is is_told
    assert desk.last_run.error_code == ("" if is_told else CLAIM)
