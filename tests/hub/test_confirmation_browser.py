"""A customer confirms a payment in the chat on a phone: the card, one press, and what becomes of it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agents.models import Agent
from core.tenancy.scope import tenant_scope
from demo.agents import ensure_default_agents
from hitl.services import create_workflow, execute
from hub import requests, services
from hub.models import TransactionDraft
from hub.requests import request_commit
from integrations.connections import services as connections
from tests.channels_app.web_chat.test_browser import Scene, opened, scene, web, write
from tests.edge.back_office_fixture import BackOffice
from tests.edge.browser import chromium, keep_picture, serious
from tests.hitl.machine.test_races import at_once
from tests.hub.conftest import Shop
from tests.integrations.connections.conftest import office_account
from tests.world import OPERATOR

__all__ = ["chromium", "opened", "scene", "web"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def elsewhere(step: Callable[[], Any]) -> Any:
    """Run a step in a thread, as a worker would: this one is inside Playwright's event loop."""
    (result,) = at_once([step])
    if isinstance(result, Exception):
        raise result
    return result


@pytest.mark.parametrize("verb", ["Confirm", "Don't confirm"])
def test_customer_presses_once_on_a_phone_and_is_told(
    opened: Callable[..., Page], scene: Scene, back_office: BackOffice, settings: Any, verb: str
) -> None:
    settings.BACK_OFFICE_HOSTS = ["127.0.0.1", "localhost"]
    page = opened(phone=True, dark=verb != "Confirm")
    write(page, "I want my money back")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    talk, world = scene.conversation(), scene.world

    def ask() -> tuple[Shop, TransactionDraft]:
        ensure_default_agents()
        account = office_account(back_office)
        connections.connect(actor=world.actor("owner"), provider="back_office", credentials=account)
        signers = [{"type": "role", "value": "approver"}]
        create_workflow(actor=OPERATOR, name="All", is_default=True, levels=[{"approvers": signers}])
        services.link_customer(actor=world.actor("support"), contact_id=talk.contact_id, customer="c-1001")
        shop = Shop(world, back_office, scene.account, scene.account, Agent.objects.first().pk)
        return shop, shop.ask(talk)

    with tenant_scope(scene.world.acme.pk):
        shop, draft = elsewhere(ask)
    card = page.get_by_text("Please confirm: 49.90 EUR to Ana Souza, Card ending in 4242.")
    expect(card).to_be_visible()
    assert serious(page) == []
    keep_picture(page, f"confirmation-{verb.partition(' ')[0].lower()}")
    buttons = page.get_by_role("button", name="Confirm", exact=True), page.get_by_role("button", name="Don't confirm")
    boxes = [button.bounding_box() for button in buttons]
    assert all(box and box["height"] >= 44 and box["x"] + box["width"] <= 390 for box in boxes)
    page.get_by_role("button", name=verb, exact=True).click()
    for button in buttons:
        expect(button).to_have_count(0)
    if verb != "Confirm":
        expect(page.get_by_text("All right, nothing will be paid.")).to_be_visible()
        with tenant_scope(scene.world.acme.pk):
            draft.refresh_from_db()
        assert (draft.state, back_office.journal().count("commit")) == ("declined", 0)
        return
    expect(page.get_by_text("Thank you, you have confirmed 49.90 EUR.")).to_be_visible()

    def book() -> str:
        approval = request_commit(draft_id=draft.pk)
        shop.approve(approval)
        state = execute(approval_id=approval.pk).state
        requests.tell_outcome(approval_id=approval.pk)
        return state

    with tenant_scope(scene.world.acme.pk):
        assert elsewhere(book) == "executed"
    expect(page.get_by_text("49.90 EUR is booked to Card ending in 4242.")).to_be_visible()
    keep_picture(page, "confirmation-booked")
    page.reload()
    expect(page.get_by_text("49.90 EUR is booked to Card ending in 4242.")).to_be_visible()
    assert back_office.journal().count("commit") == 1
