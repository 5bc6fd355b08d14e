"""Executing changes on the sandbox platform and reporting their outcomes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from django.conf import settings

from core.errors import Invalid, WalkerError
from core.text.amounts import money_text
from hitl.actions.base import Facts, Outcome
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.outcomes import outcome_of_failure
from integrations.sandbox_ads import selectors
from integrations.sandbox_ads.client import SandboxAdsClient
from integrations.sandbox_ads.types import Effect

AMOUNTS = frozenset({"daily_budget", "spend_last_7_days"})
MOVED = "expected_old_mismatch"
"""The platform's code for a value that is no longer what was expected."""


def format_money(amount: Decimal | str, currency: str) -> str:
    """Return a formatted amount such as `1,200.50 EUR`."""
    return money_text(Decimal(amount), currency)


def outcome_of(answer: Answer[Effect]) -> Outcome:
    """Return the engine's outcome for the client's answer to a change."""
    if isinstance(answer, Ok):
        effect = answer.value
        facts = {"journal_id": effect.journal_id, "replayed": answer.replayed}
        return Outcome("succeeded", result={"resource_id": effect.resource.get("id"), **facts})
    if isinstance(answer, CleanFailure) and answer.code == MOVED:
        answer = replace(answer, retry=True)  # the next look at the value sends the request back to its approvers
    return outcome_of_failure(answer)


def perform(change: Callable[[SandboxAdsClient], Answer[Effect]]) -> Outcome:
    """Connect and execute one change; a missing account or token is a clean failure.

    The call is made once: the engine repeats it, under a fence and only while no emergency stop covers it.
    """
    try:
        client = selectors.connect(attempts=1)
    except WalkerError as error:
        return Outcome("failed_clean", error=f"{error.code}: {error.detail}")
    with client as opened:
        return outcome_of(change(opened))


def probe_key(key: str) -> Outcome | None:
    """Ask the platform what a key did; returns None if it can't be asked now.

    "Not taken effect" is about now: a delayed request may still arrive. That is harmless as long as later
    attempts use the same key, for which the platform returns the first effect.
    """
    try:
        client = selectors.connect()
    except WalkerError:
        return None
    with client as opened:
        answer = opened.get_key_status(key)
    if not isinstance(answer, Ok):
        return None
    if answer.value.effect is not None:
        return outcome_of(Ok(answer.value.effect, replayed=True))
    return Outcome("failed_clean", error="not_found: The key took no effect.", retry=True)


def changes_between(old: Facts, new: Facts, watched: Mapping[str, str]) -> list[str]:
    """Return sentences about the watched facts that differ; `watched` maps a fact to its label."""
    return [
        f"The {label} changed from {_describe(old, fact)} to {_describe(new, fact)}."
        for fact, label in watched.items()
        if old.get(fact) != new.get(fact)
    ]


def _describe(facts: Facts, fact: str) -> str:
    value = facts.get(fact)
    if value and fact in AMOUNTS:
        return format_money(value, str(facts.get("currency") or ""))
    return str(value or "empty")


def platform_link() -> str:
    """Return the URL of the platform's own page."""
    return f"{settings.SANDBOX_ADS_URL.rstrip('/')}/" if settings.SANDBOX_ADS_URL else ""


def nothing_to_do(sentence: str, field: str) -> Invalid:
    """Return the error for a change without effect."""
    return Invalid(sentence, code="nothing_to_do", fields={field: [sentence]})
