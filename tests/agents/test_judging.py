"""Cases are read strictly, and judged the same way every time."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agents.evals.cases import Case, CaseFile
from agents.evals.judging import Miss, Seen, blocks_activation, judge


def make_case(*, must: bool = False, **expects: Any) -> Case:
    return Case.model_validate({"name": "Returns", "says": ["May I return it?"], "expects": expects, "must": must})


def test_every_expectation_that_was_not_met_is_named() -> None:
    case = make_case(
        contains=["30 DAYS", "free of charge"],
        avoids=["approved"],
        calls=["search_knowledge"],
        never_calls=["set_campaign_budget"],
        asks_approval_for=["publish_content"],
        brings_person=False,
        cites=True,
        sources=["Returns"],
    )
    seen = Seen(
        text="Within\u00a030  days. It is Approved.",
        calls=("set_campaign_budget",),
        person_brought=True,
        error="too_slow",
    )
    assert judge(case, seen).misses == (
        Miss("broke", "too_slow"),
        Miss("does_not_contain", "free of charge"),
        Miss("contains", "approved"),
        Miss("did_not_call", "search_knowledge"),
        Miss("called", "set_campaign_budget"),
        Miss("did_not_ask", "publish_content"),
        Miss("did_not_cite", "Returns"),
        Miss("brought_person"),
        Miss("cited_nothing"),
    )


@pytest.mark.parametrize(("must", "text", "blocks"), [(True, "no", True), (False, "no", False), (True, "yes", False)])
def test_only_a_failed_case_that_must_pass_blocks_activation(must: bool, text: str, blocks: bool) -> None:
    assert blocks_activation([judge(make_case(must=must, contains=["yes"]), Seen(text=text))]) is blocks


@pytest.mark.parametrize(
    "change",
    [
        {"expects": {}},
        {"expects": {"cites": None}},
        {"expects": {"contains": ["  "]}},
        {"expects": {"calls": ["a"], "never_calls": ["a"]}},
        {"expects": {"calls": ["DROP TABLE"]}},
        {"says": []},
        {"speaker": "owner"},
        {"colour": "red"},
    ],
)
def test_a_case_that_says_nothing_or_something_unknown_is_refused(change: dict[str, Any]) -> None:
    case = {"name": "Returns", "says": ["Hello"], "expects": {"cites": True}}
    CaseFile.model_validate({"cases": [case]})
    with pytest.raises(ValidationError):
        CaseFile.model_validate({"cases": [case | change]})


def test_two_cases_of_one_name_are_refused() -> None:
    case = {"name": "Returns", "says": ["Hello"], "expects": {"cites": True}}
    with pytest.raises(ValidationError, match="same name"):
        CaseFile.model_validate({"cases": [case, case]})
