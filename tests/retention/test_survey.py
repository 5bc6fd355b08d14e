"""Each table of an organisation has a kind of retention, or a reason to stay; a page says which."""

import re
from pathlib import Path

from core.privacy.retention.registry import rules
from core.tenancy import rls
from core.tenancy.rls.tables import is_walled

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "retention.md").read_text()


def rows(part: str) -> list[tuple[str, str]]:
    return re.findall(r"^\| `([\w.]+)` \| (.+) \|$", part, flags=re.MULTILINE)


def test_every_table_of_an_organisation_has_a_kind_or_a_reason_to_stay() -> None:
    page = rows(PAGE.partition("## Every table")[2])
    assert [label for label, _ in page] == sorted(model._meta.label for model in rls.all_models() if is_walled(model))
    assert [label for label, reason in page if not reason.strip(" –")] == []


def test_kinds_on_the_page_are_those_of_the_code() -> None:
    said = {
        label: set(re.findall(r"\*([^*]+)\*", reason)) for label, reason in rows(PAGE.partition("## Every table")[2])
    }
    meant = {label: {rule.title for _, rule in rules() if label in rule.tables.split()} for label in said}
    assert said == meant
    assert {label for _, rule in rules() for label in rule.tables.split()} <= set(said)
    kinds = rows(PAGE.partition("## Rules")[0])
    assert [(key, rule.least) for key, rule in rules()] == [(key, int(text.split(" | ")[1])) for key, text in kinds]
    assert [key for (key, rule), (_, text) in zip(rules(), kinds, strict=True) if f"*{rule.title}*" not in text] == []
