"""Publishing a text: approvers see all of it, and a later change sends it back."""

from typing import Any

import pytest
from django.test import Client

from console.base.text_diff import lines_between
from hitl import services
from hitl.actions.base import Origin
from hitl.approvals.change.edit import edit
from hitl.models import Approval, Revision
from integrations.sandbox_ads.client import LONGEST_TEXT, parse_content_text
from integrations.sandbox_ads.texts import describe_text_changes, hash_text
from tests.edge.platform_fixture import Platform
from tests.world import World

GUIDE = "con_1001"
LONG = "\n".join(f"Line {number} <b>of</b> the text." for number in range(900))


@pytest.fixture
def office(connected: World) -> World:
    """The first tenant, whose approver approves every publication and may edit its text."""
    asks: dict[str, Any] = {"approvers": [{"type": "role", "value": "approver"}], "editable_fields": ["content"]}
    services.create_workflow(actor=connected.actor("owner"), name="All", levels=[asks], is_default=True)
    return connected


def _ask(world: World, content: str = GUIDE) -> Approval:
    return services.propose(
        actor=world.actor("support"), kind="publish_content", params={"content": content}, origin=Origin(channel="api")
    )


def _write(sandbox: Platform, text: str, item: str = GUIDE) -> None:
    assert sandbox.call("POST", f"/v1/content/{item}/text", json={"text": text}).status_code == 200


def _page(world: World, approval: Approval, role: str = "approver") -> str:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    return client.get(f"/admin/hitl/approval/{approval.pk}/").content.decode()


def test_preview_is_the_whole_text(office: World, sandbox: Platform) -> None:
    _write(sandbox, LONG)
    asked = _ask(office)
    assert asked.preview["body"] == LONG
    assert asked.facts["text_sha256"] == hash_text(LONG)
    assert asked.payload == {"content": GUIDE}


@pytest.mark.slow
def test_page_shows_the_whole_text_once_and_escaped(office: World, sandbox: Platform) -> None:
    _write(sandbox, LONG)
    page = _page(office, _ask(office))
    assert page.count("Line 899 &lt;b&gt;of&lt;/b&gt; the text.") == 1
    assert '<div class="wk-body-text wk-body-long" tabindex="0" role="region"' in page


@pytest.mark.slow
def test_text_is_masked_for_those_who_do_not_sign(office: World, sandbox: Platform) -> None:
    _write(sandbox, "Write to ana.souza@customers.example today")
    asked = _ask(office)
    assert "ana.souza@customers" in _page(office, asked)
    assert "ana.souza@customers" not in _page(office, asked, "support")


def test_text_changed_after_the_signature_is_not_published(office: World, sandbox: Platform) -> None:
    asked = _ask(office)
    services.decide(actor=office.actor("approver"), approval_id=asked.pk, verdict="approve", digest=asked.digest)
    _write(sandbox, asked.preview["body"].replace("If you feel dizzy, stop.", "Never stop."))
    back = services.execute(asked.pk)
    assert (back.state, back.revision) == ("pending", 2)
    assert back.drift == [
        "The text changed from “If you feel dizzy, stop. Nobody has ever regretted a run that was cut short.” "
        "to “Never stop. Nobody has ever regretted a run that was cut short.”."
    ]
    assert "Never stop." in back.preview["body"]
    assert [entry["operation"] for entry in sandbox.journal()] == ["write_content"]


@pytest.mark.slow
def test_text_as_it_was_signed_is_published(office: World, sandbox: Platform) -> None:
    asked = _ask(office)
    services.decide(actor=office.actor("approver"), approval_id=asked.pk, verdict="approve", digest=asked.digest)
    assert services.execute(asked.pk).state == "executed"


@pytest.mark.slow
def test_edit_shows_what_becomes_of_the_text(office: World, sandbox: Platform) -> None:
    _write(sandbox, "One\nTwo\nThree\nFour\nFive\nwith ana.souza@customers.example")
    _write(sandbox, "One\nTwo\nThree\nFour\nSix", "con_1002")
    asked = _ask(office)
    edit(actor=office.actor("approver"), approval_id=asked.pk, digest=asked.digest, changes={"content": "con_1002"})
    assert [row["field"] for row in Revision.objects.get().diff] == ["content", "text"]
    page, masked = _page(office, asked), _page(office, asked, "support")
    assert '<del><span class="wk-hidden">Removed: </span>Five</del>' in page
    assert '<ins><span class="wk-hidden">Added: </span>Six</ins>' in page
    assert ("2 unchanged lines" in page, "ana.souza@customers" in masked) == (True, False)


def test_request_of_before_texts_were_noted_goes_back() -> None:
    assert describe_text_changes({"title": "A"}, {"text": "", "text_sha256": hash_text("")}) == [
        "The text wasn't available when this was requested."
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("A", "A", []),
        ("A", "A\nB", ["The text changed from nothing to “B”."]),
        ("A\nB", "A", ["The text changed from “B” to nothing."]),
    ],
)
def test_change_of_a_text_is_told(before: str, after: str, told: list[str]) -> None:
    facts = [{"text": text, "text_sha256": hash_text(text)} for text in (before, after)]
    assert describe_text_changes(*facts) == told


def test_many_changes_of_a_text_are_counted() -> None:
    lines = [str(number) for number in range(20)]
    other = [f"{line}!" if int(line) % 4 == 0 else line for line in lines]
    facts = [{"text": "\n".join(rows), "text_sha256": hash_text("".join(rows))} for rows in (lines, other)]
    assert describe_text_changes(*facts)[3:] == ["The text changed in 2 more places."]


def test_text_made_to_be_compared_for_hours_is_compared_as_one_piece() -> None:
    before, after = ([str(sign * number % 150) for number in range(20_000)] for sign in (1, -1))
    facts = [{"text": "\n".join(["A", *rows, "Z"]), "text_sha256": hash_text(str(rows))} for rows in (before, after)]
    assert len(describe_text_changes(*facts)) == 1
    shown = lines_between(*(str(each["text"]) for each in facts))
    assert [(shown[place].what, shown[place].text) for place in (0, -1)] == [("same", "A"), ("same", "Z")]


def test_text_longer_than_anybody_reads_is_no_answer() -> None:
    assert len(parse_content_text({"text": "A" * LONGEST_TEXT})) == LONGEST_TEXT
    with pytest.raises(ValueError, match="too long for an approver"):
        parse_content_text({"text": "A" * (LONGEST_TEXT + 1)})


def test_item_without_a_text_says_so(office: World, sandbox: Platform) -> None:
    _write(sandbox, "")
    assert _ask(office).preview["rows"][1]["after"] == "not available here: view it in the platform"
