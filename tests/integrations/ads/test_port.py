"""The contract of advertising platforms: changes are made once, and lost answers are looked up."""

import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from accounts.models import Notice
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions.base import Origin
from hitl.approvals.change.compensate import compensate, compensation_of
from hitl.execution.reconcile import probe
from hitl.models import Approval, Execution
from tests.edge.ads_fixture import AdsPlatform, GoogleAds, MetaAds
from tests.hitl.kit.scene import roles
from tests.hitl.machine.test_races import at_once
from tests.integrations.google_ads import conftest as at_google
from tests.integrations.google_ads.conftest import google, google_ads, google_ads_process
from tests.integrations.meta_ads import conftest as at_meta
from tests.integrations.meta_ads.conftest import Desk, later, meta, meta_ads, meta_ads_process
from tests.world import OPERATOR, World

__all__ = ["google", "google_ads", "google_ads_process", "meta", "meta_ads", "meta_ads_process"]
TRIALS = 200
MOMENTS = ("never", "before", "asking", "deciding", "approved", "calling", "called")
"""When somebody changes the value while an undo is on its way."""


@dataclass
class There:
    """A platform with the desk of an organisation that is connected, and where one daily budget of theirs stands."""

    desk: Desk
    platform: AdsPlatform
    object: str
    field: str
    unit: int
    """How many of the vendor's count make one euro."""
    place: str
    """Where the change is posted."""
    refused: dict[str, Any]
    """What lets the platform refuse the next change that is tried out."""

    def count(self, amount: str) -> str:
        """Return an amount as the platform writes it."""
        return str(int(Decimal(amount) * self.unit))

    def somebody(self, amount: str) -> dict[str, str]:
        """Return the change of the budget that somebody else makes."""
        return {"id": self.object, "field": self.field, "value": self.count(amount), "by": "Mia Chen"}

    def change(self, amount: str) -> None:
        """Change the budget on the platform, as somebody else."""
        self.platform.control("change", self.somebody(amount))

    def change_with(self, deed: str, amount: str) -> None:
        """Let somebody else change it right before or after our next post, which may be one that is tried out."""
        self.platform.script(self.place, deed, change=self.somebody(amount))

    def lost(self, deed: str, amount: str = "900.00") -> Approval:
        """Return a request whose call was made, and whose answer was lost."""
        approval = self.desk.sign(self.desk.budget(amount))
        self.platform.script(self.place, deed)
        unknown = self.desk.done(approval)
        assert unknown.state == "unknown"
        return unknown


class AdsContract:
    """What every adapter does; a class for each names its platform."""

    @pytest.fixture
    def there(self, request: pytest.FixtureRequest, acme: World) -> There:
        """The first tenant's scope, connected."""
        return self.connected(request, acme)

    def connected(self, request: pytest.FixtureRequest, world: World) -> There:
        raise NotImplementedError

    def test_refusal_of_the_dry_run_is_the_answer(self, there: There) -> None:
        there.platform.script(there.place, "fail", status=400, **there.refused)
        with pytest.raises(Invalid, match="refuses this") as refused:
            there.desk.budget("900.00")
        assert refused.value.code == "refused_by_platform"
        assert not Approval.objects.exists()
        assert there.platform.journal() == []

    def test_change_that_was_made_is_found_in_the_log_however_late_it_shows(self, there: There) -> None:
        there.platform.control("behave", {"log_delay": 600})
        approval = there.lost("drop_after")
        # The new value alone proves nothing: somebody else may have set it.
        assert probe(approval.pk).state == "unknown"
        with later(minutes=9):
            assert probe(approval.pk).state == "unknown"
        there.platform.control("behave", {"log_delay": 0})
        assert probe(approval.pk).state == "executed"
        result = Execution.objects.get().result
        assert (result["read_back"], "logged_at" in result) == (there.count("900"), True)
        assert len(there.platform.journal()) == 1

    def test_change_that_was_not_made_is_made_once_after_the_log_stayed_silent(self, there: There) -> None:
        approval = there.lost("drop_before")
        assert probe(approval.pk).state == "unknown"
        with later(minutes=3):
            assert probe(approval.pk).state == "unknown"
        with later(minutes=6):
            assert probe(approval.pk).state == "approved"
            assert there.desk.done(approval).state == "executed"
        assert [row["new"] for row in there.platform.journal()] == [there.count("900")]

    @pytest.mark.parametrize("value", ["900", "700"])
    def test_change_of_somebody_else_in_between_is_for_a_person(self, there: There, value: str) -> None:
        approval = there.lost("drop_before")
        there.change(value)
        with later(hours=2):
            assert probe(approval.pk).state == "unknown"
        assert [row["via"] for row in there.platform.journal()] == ["platform"]

    def test_change_is_undone_by_a_request_of_its_own_that_expects_what_was_set(self, there: There) -> None:
        desk, owner = there.desk, there.desk.actor("owner")
        first = desk.budget("900.00")
        with pytest.raises(Conflict) as early:
            compensate(actor=owner, approval_id=first.pk)
        assert early.value.code == "not_executed"
        assert compensation_of(first).words.endswith(f"back to {first.preview['rows'][0]['before']}.")
        first = desk.done(desk.sign(first))
        second = compensate(actor=owner, approval_id=first.pk)
        row = second.preview["rows"][0]
        assert (row["before"], row["after"]) == ("900.00 EUR", first.preview["rows"][0]["before"])
        assert (second.state, second.notes) == ("pending", f"Undoes {first.reference}.")
        # Four eyes and one at a time, whoever asks.
        with pytest.raises(Refused):
            desk.decide(second, actor=owner)
        with pytest.raises(Conflict, match=second.reference) as twice:
            compensate(actor=desk.actor("admin"), approval_id=first.pk)
        assert twice.value.code == "compensation_open"
        again = Origin(requester_user_id=desk.user_id("admin"), compensates=first.pk)
        with pytest.raises(Conflict):
            desk.propose(first.kind, params=compensation_of(first).params, origin=again, actor=desk.actor("admin"))
        assert desk.done(desk.sign(second)).state == "executed"
        assert [row["old"] for row in there.platform.journal()[:1]] == [there.platform.journal()[1]["new"]]
        # Somebody else was there in between: it says so, and asks.
        third = desk.done(desk.sign(desk.budget("800.00")))
        there.change("700")
        with pytest.raises(Conflict, match=r"is 700.00 and no longer 800.00") as moved:
            compensate(actor=owner, approval_id=third.pk)
        assert moved.value.code == "moved"
        assert compensate(actor=owner, approval_id=third.pk, even_if_moved=True).preview["rows"][0]["before"] == (
            "700.00 EUR"
        )

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("deed", "left", "said"),
        [("change_before", "900", "Mia Chen at"), ("change_after", "10", "changed on the platform again")],
    )
    def test_approvers_hear_of_a_change_in_the_same_seconds(
        self, there: There, deed: str, left: str, said: str
    ) -> None:
        approval = there.desk.sign(there.desk.budget("900.00"))
        there.change_with(deed, "10")
        assert there.desk.done(approval).state == "executed"
        result = Execution.objects.get().result
        assert said in result["warning"]
        assert result["read_back"] == there.count(left)
        people = Notice.objects.filter(title__contains="there is something to check")
        assert list(people.values_list("person_id", flat=True)) == [there.desk.user_id("approver")]

    @pytest.mark.slow
    def test_answer_that_proves_nothing_is_unknown(self, there: There) -> None:
        for deed, more in (("html", {"status": 403}), ("fail", {"status": 503}), ("html", {"status": 200})):
            approval: Any = there.desk.sign(there.desk.budget("900.00"))
            there.platform.script(there.place, deed, **more)
            assert there.desk.done(approval).state == "unknown", deed
        assert there.platform.journal() == []

    @pytest.mark.slow
    def test_of_two_workers_one_makes_the_change(self, committed_world: World, request: pytest.FixtureRequest) -> None:
        with tenant_scope(committed_world.acme.pk):
            there = self.connected(request, committed_world)
            approval = there.desk.sign(there.desk.budget("900.00"))
            at_once([partial(there.desk.done, approval)] * 2)
            assert Approval.objects.get().state == "executed"
        assert [row["new"] for row in there.platform.journal()] == [there.count("900")]

    @pytest.mark.long
    def test_lost_answers_have_one_effect_or_none(self, there: There) -> None:
        chance = random.Random(34)
        for trial in range(TRIALS):
            deed = chance.choice(["drop_before", "drop_after", "html_after"])
            amount = f"{200 + trial}.07"
            before = len(there.platform.journal())
            there.platform.control("behave", {"log_delay": chance.choice([0, 0, 2])})
            approval = there.lost(deed, amount)
            somebody = chance.random() < 0.2
            if somebody:
                there.change(str(150 + trial))
            there.platform.control("behave", {"log_delay": 0})
            with later(minutes=6):
                found = probe(approval.pk)
                if found.state == "approved":
                    found = there.desk.done(found, now() + timedelta(minutes=1))
            ours = [row for row in there.platform.journal()[before:] if row["via"] == "api"]
            # A trial so soon after the one before finds its row in the log: then a person looks, and nothing is done.
            assert found.state in (("executed", "unknown") if deed == "drop_before" else ("executed",)), (trial, deed)
            assert len(ours) == (1 if found.state == "executed" else 0), (trial, deed, somebody)

    @pytest.mark.long
    def test_undo_against_a_change_on_the_platform_has_one_effect_or_none(self, there: There) -> None:
        chance = random.Random(34)
        for trial in range(TRIALS):
            first = there.desk.done(there.desk.sign(there.desk.budget(f"{200 + trial}.07")))
            assert first.state == "executed", (trial, first.state)
            moment, goes_on = chance.choice(MOMENTS), chance.random() < 0.5
            before = len(there.platform.journal())
            second, said = undo(there, first, moment, f"{1200 + trial}.03", goes_on=goes_on)
            rows = there.platform.journal()[before:]
            ours = [row["new"] for row in rows if row["via"] == "api"]
            is_done = second is not None and second.state == "executed"
            # In the seconds of the call nobody can be asked: they are told.
            assert is_done == (goes_on or moment in ("never", "calling", "called")), (trial, moment, goes_on)
            old = there.count(first.facts["daily_budget"])
            assert ours == ([old] if is_done else []), (trial, moment, goes_on)
            assert (len(rows) - len(ours), bool(said)) == (int(moment != "never"),) * 2, (trial, moment, said)


def undo(there: There, first: Approval, moment: str, amount: str, *, goes_on: bool) -> tuple[Approval | None, str]:
    """Undo a change while somebody changes the value; return the request and what was said of that.

    Who is asked whether to undo it all the same, a requester or an approver, says so if it `goes_on`.
    """
    desk, owner, said = there.desk, there.desk.actor("owner"), ""
    if moment == "before":
        there.change(amount)
    elif moment == "asking":
        there.change_with("change_after", amount)
    if moment in ("before", "asking"):
        with pytest.raises(Conflict, match=f"is {amount} and no longer") as moved:
            compensate(actor=owner, approval_id=first.pk)
        said = moved.value.detail
        if not goes_on:
            return None, said
    second = compensate(actor=owner, approval_id=first.pk, even_if_moved=said != "")
    if moment == "deciding":
        there.change(amount)
    desk.sign(second)
    if moment == "approved":
        there.change(amount)
    elif moment in ("calling", "called"):
        there.change_with("change_before" if moment == "calling" else "change_after", amount)
    second = desk.done(second)
    if second.drift:
        assert (second.state, second.revision) == ("pending", 2)
        said = second.drift[0]
        if not goes_on:
            return desk.decide(second, "reject", reason="It stays as it is."), said
        second = desk.done(desk.sign(second))
    return second, said or Execution.objects.get(approval=second).result.get("warning", "")


def define_workflow() -> None:
    """Let any approver decide everything."""
    services.create_workflow(
        actor=OPERATOR, name="All", is_default=True, levels=[{"approvers": roles("approver", "admin")}]
    )


class TestMeta(AdsContract):
    """Meta: the budget stands on the ad campaign."""

    def connected(self, request: pytest.FixtureRequest, world: World) -> There:
        platform: MetaAds = request.getfixturevalue("meta")
        at_meta.connect_meta(platform)
        define_workflow()
        desk, place = Desk(world, effects=None), f"POST /v26.0/{at_meta.SUMMER}"  # type: ignore[arg-type]
        return There(desk, platform, at_meta.SUMMER, "daily_budget", 100, place, {"code": "100"})


class TestGoogle(AdsContract):
    """Google: the budget is an object of its own."""

    def connected(self, request: pytest.FixtureRequest, world: World) -> There:
        platform: GoogleAds = request.getfixturevalue("google")
        at_google.connect_google(platform)
        define_workflow()
        desk = at_google.GoogleDesk(world, effects=None)  # type: ignore[arg-type]
        refused = {"code": "MONEY_AMOUNT_TOO_LARGE"}
        return There(desk, platform, at_google.BRAND, "amount_micros", 1_000_000, at_google.CHANGES, refused)
