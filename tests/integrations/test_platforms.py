"""Platforms register what they offer; what stands twice, or has nothing behind it, is named by a system check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from django.core.checks import run_checks
from pydantic import BaseModel, Field

from agents.answering.tools import registry as tools
from agents.models import AgentVersion
from core.errors import Invalid, NotFound, Unavailable
from hitl.actions import registry as kinds
from hitl.actions.base import ActionKind, ClaimWords, Estimate, Facts, Outcome, Params, Preview
from integrations import platforms
from integrations.calls.operations import Line
from integrations.models import ProviderAccount
from integrations.ports import Arguments, BriefSection, Lookup, Platform, SectionContent
from integrations.services import connect_provider
from tests.agents.conftest import Desk, desk  # noqa: F401
from tests.world import OPERATOR, World


class OrderParams(Params):
    """An order to refund."""

    order: str = Field(max_length=40)


class RefundOrder(ActionKind[OrderParams]):
    """Refunds an order."""

    key = "refund_order"
    title = "Refund an order"
    ability = "request a refund"
    description = "Request a refund; waits for approval."
    claim_words = ClaimWords({"en": ("refunded",)}, {"en": ("order",)})
    params_model = OrderParams

    def observe(self, params: OrderParams) -> Facts:
        return {}

    def preview(self, params: OrderParams, facts: Facts) -> Preview:
        return Preview(f"Refund the order {params.order}")

    def estimate(self, params: OrderParams, facts: Facts) -> Estimate:
        return Estimate()

    def subject_key(self, params: OrderParams) -> str:
        return f"order:{params.order}"

    def execute(self, params: OrderParams, *, idempotency_key: str) -> Outcome:
        return Outcome("succeeded")


class ShopAccount(BaseModel):
    """What an account of the shop needs."""

    key: str = Field(min_length=1)


LOOKUP = Lookup(
    "list_orders", "List orders", "list the orders", "All orders.", Arguments,
    lambda client, _asked: {"orders": client}, says_state={"shipped": "shipped"},
)  # fmt: skip


class Shop(Platform):
    """A toy shop, whose client is a list of orders."""

    key = "toy_shop"
    title = "Toy shop"
    credentials = ShopAccount
    kinds = (RefundOrder,)
    lookups: ClassVar[tuple[Lookup[Any], ...]] = (LOOKUP,)

    def connect(self, credentials: ShopAccount, line: Line) -> Any:
        return nullcontext([f"order of {credentials.key}"])

    def audience_sizes(self, client: Any) -> dict[str, int]:
        return {"VIP customers": 7, "Shoppers": len(client)}


def read_late(_client: Any) -> list[Any]:
    raise Unavailable(code="shop_timed_out")


class ShopWithOrders(Shop):
    """A shop with a section of the daily brief, which never answers in time."""

    sections: ClassVar[tuple[BriefSection, ...]] = (
        BriefSection(
            "orders", "Orders", "paid_ads", "list_campaigns", "refund_order", {}, read_late,
            lambda _rows, _words, _now: SectionContent(),
        ),
    )  # fmt: skip


@contextmanager
def registered(monkeypatch: pytest.MonkeyPatch, *found: type[Platform]) -> Iterator[None]:
    """Register platforms for as long as one test runs."""
    monkeypatch.setattr(platforms, "_platforms", dict(platforms._platforms))
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    for each in found:
        platforms.register(each)
    yield


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with registered(monkeypatch, Shop):
        yield


def problems(prefix: str, *databases: str) -> list[str]:
    """Return what the system checks say under these ids."""
    return [each.msg for each in run_checks(databases=databases or None) if str(each.id).startswith(prefix)]


@pytest.mark.usefixtures("shop")
def test_registered_platform_brings_its_tools_and_its_kind() -> None:
    asks, reads = tools.get("refund_order"), tools.get("list_orders")
    assert (asks.acting, asks.arguments, asks.ability) == (True, OrderParams, "request a refund")
    assert (reads.acting, reads.only_reads, reads.outside, reads.arguments) == (False, True, True, Arguments)
    assert kinds.get("refund_order").title == "Refund an order"
    assert not problems("agents.E00")


def test_platform_that_left_takes_its_tools_with_it() -> None:
    assert not tools.is_known("refund_order")
    with pytest.raises(NotFound):
        tools.get("list_orders")
    with pytest.raises(NotFound):
        platforms.get("toy_shop")


@pytest.mark.usefixtures("shop")
def test_lookup_reads_with_the_account_of_the_tenant_in_scope(acme: World) -> None:
    reads = tools.get("list_orders")
    with pytest.raises(Unavailable) as refusal:
        reads.call(Arguments(), caller=None, call_id=uuid4())  # type: ignore[arg-type]
    assert refusal.value.code == "not_connected"
    connect_provider(actor=OPERATOR, provider="toy_shop", name="Main", credentials={"key": "acme"})
    assert reads.call(Arguments(), caller=None, call_id=uuid4()) == {"orders": ["order of acme"]}  # type: ignore[arg-type]


@pytest.mark.usefixtures("shop")
def test_account_without_a_needed_credential_is_refused_and_counts_as_none(acme: World) -> None:
    with pytest.raises(Invalid):
        connect_provider(actor=OPERATOR, provider="toy_shop", name="Main", credentials={"token": "x"})
    ProviderAccount.objects.create(provider="toy_shop", name="Old", credentials={"token": "x"}, is_default=True)
    assert platforms.connected() == []
    with pytest.raises(Unavailable) as refusal:
        platforms.connection("toy_shop")
    assert (refusal.value.code, "key" in refusal.value.detail) == ("not_connected", True)


@pytest.mark.slow
@pytest.mark.usefixtures("shop")
def test_audiences_of_all_connected_platforms_are_known(desk: Desk) -> None:  # noqa: F811
    connect_provider(actor=OPERATOR, provider="toy_shop", name="Main", credentials={"key": "acme"})
    answer = desk.say("list audiences")
    assert "Lapsed buyers" in answer
    assert "Shoppers" in answer


def test_key_that_is_taken_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(Shop):
        """Another shop under the same key."""

    class Third(Shop):
        """Another key, with a lookup that the shop has."""

        key = "third"

    with registered(monkeypatch, Shop):
        with pytest.raises(ValueError, match="platform 'toy_shop' is already registered"):
            platforms.register(Other)
        with pytest.raises(ValueError, match="lookup 'list_orders' of platform 'third' is already registered"):
            platforms.register(Third)


def test_lookup_under_the_key_of_a_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twin(Shop):
        """Has a lookup that is called like one of our own tools."""

        lookups: ClassVar[tuple[Lookup[Any], ...]] = (
            Lookup("list_audiences", "", "", "", Arguments, lambda _client, _asked: {}),
        )

    with registered(monkeypatch, Twin):
        assert problems("agents.E001") == ["The tool 'list_audiences' is registered twice."]


def test_kind_without_ability_or_claim_words_is_named_and_is_no_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(RefundOrder):
        """Says nothing of itself."""

        key = "mute"
        ability = ""
        claim_words = None

    with registered(monkeypatch):
        kinds.register(Mute)
        assert not tools.is_known("mute")
        assert "The kind of action 'mute' has no ability." in problems("hitl.E001")
        assert "The kind of action 'mute' has no claim words." in problems("hitl.E002")


@pytest.mark.parametrize("key", ["refund.order", "RefundOrder", "refund order", "erstattung_für", "", "r" * 61])
def test_kind_whose_key_a_model_provider_would_refuse_is_named(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    with registered(monkeypatch):
        kinds.register(type("Odd", (RefundOrder,), {"key": key}))
        assert problems("hitl.E003") == [f"The kind of action {key!r} has a key that models can't call."]


def test_longest_key_of_a_kind_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    with registered(monkeypatch):
        kinds.register(type("Long", (RefundOrder,), {"key": "refund_2_" + "r" * 51}))
        assert problems("hitl.E003") == []


def test_section_with_nothing_behind_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare(Shop):
        """Has a section without tool and kind."""

        sections: ClassVar[tuple[BriefSection, ...]] = (
            BriefSection(
                "orders",
                "Orders",
                "custom",
                "no_tool",
                "no_kind",
                {},
                list,
                lambda _rows, _words, _now: SectionContent(),
            ),
        )

    with registered(monkeypatch, Bare):
        assert problems("agents.E002") == [
            "The section 'orders' of the platform 'toy_shop' needs the tool 'no_tool', which is not there."
        ]
        assert problems("agents.E003") == [
            "The section 'orders' of the platform 'toy_shop' opens requests of 'no_kind', which is no kind."
        ]


@pytest.mark.slow
def test_stored_tool_that_nobody_registers_is_named_and_offered_to_nobody(desk: Desk) -> None:  # noqa: F811
    version = AgentVersion.objects.select_related("agent")[0]
    AgentVersion.objects.filter(pk=version.pk).update(tools=[*version.tools, "gone_tool"])
    assert problems("agents.E004", "default") == [
        f"The agent {version.agent_id} has the tool 'gone_tool', which is not there."
    ]
    assert "colleague" in desk.say("I want to talk to a person")


def test_account_with_a_platform_that_nobody_registers_is_named(acme: World) -> None:
    ProviderAccount.objects.create(provider="closed_shop", name="Old", credentials={"key": "x"})
    assert problems("integrations.E003", "default") == [
        "There are accounts with 'closed_shop', which is no platform here."
    ]
    assert platforms.connected() == []
