"""Say what would have been different for a request, and why, without texts of the request."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from core import expressions
from core.text.amounts import money_text
from hitl.domain import matching
from hitl.domain.auto_rules import AUTO_APPROVE_MAX_COST, AUTO_APPROVE_MAX_SCORE, AutoRule
from hitl.domain.levels import parts_of
from hitl.domain.matching import Rule, Subject
from hitl.policy.workflows.describe import AMOUNTS, NAMES, Label, listed, words_of
from hitl.policy.workflows.labels import MODES
from hitl.simulation.compare import Evaluated

LIMIT: Final = 400
NOBODY: Final = "no workflow"
SIGN_INS: Final = {"mfa": "wanted two-factor sign-in", "key": "wanted a security key or passkey"}
Test = tuple[bool, str]
"""Whether a condition holds for a request, and how it stands in words."""


class Words:
    """The words of one simulation: the rules by workflow before and after, and the names of approvers."""

    def __init__(self, before: Iterable[Rule], after: Iterable[Rule], label: Label) -> None:
        self._before = {rule.workflow_id: rule for rule in before}
        self._after = {rule.workflow_id: rule for rule in after}
        self._label = label

    def why(self, before: Evaluated, after: Evaluated) -> str:
        """Return one or two sentences about a request that would differ."""
        if after.held and not before.held:
            return f"Would have been held after the approval: {after.held}"[:LIMIT]
        if before.held and not after.held and before.verdict == after.verdict:
            return "A spending limit would no longer have held it."
        if after.auto is not None:
            done = "rejected" if after.verdict == "reject" else "approved"
            because = _met(after.auto, after.subject)
            return f"The rule “{after.auto.id}” would have {done} it{_because(because)}."[:LIMIT]
        said = self._levels(before, after)
        if before.auto is not None:
            asked = listed(self._name(number, level) for number, level in enumerate(after.snapshot["levels"], 1))
            said = [f"{asked} would have been asked instead of the rule “{before.auto.id}”"]
        because = self._reasons(before, after)
        if not said:
            said = [f"{_flow(after)} would have applied instead of {_flow(before)}"]
        return f"{'; '.join(said)}{_because(because)}."[:LIMIT]

    def _levels(self, before: Evaluated, after: Evaluated) -> list[str]:
        """Return what each level would have asked differently."""
        old, new = before.snapshot["levels"], after.snapshot["levels"]
        said = []
        for number in range(1, max(len(old), len(new)) + 1):
            if number > len(old):
                said.append(f"{self._name(number, new[number - 1])} would have been asked")
            elif number > len(new):
                said.append(f"{self._name(number, old[number - 1])} would not have been asked")
            elif changes := self._changes(old[number - 1], new[number - 1]):
                said.append(f"{self._name(number, new[number - 1])} would have {' and '.join(changes)}")
        if after.snapshot.get("distinct_approvers") and not before.snapshot.get("distinct_approvers") and len(new) > 1:
            said.append("different people would have been needed at each level")
        return said

    def _changes(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
        found = []
        if _people(old) != _people(new):
            found.append(f"asked {self.approvers(new)} instead of {self.approvers(old)}")
        if (old["mode"], old["quorum"]) != (new["mode"], new["quorum"]):
            found.append(f"needed {_votes(new)} instead of {_votes(old)}")
        if old["min_auth"] != new["min_auth"]:
            found.append(SIGN_INS.get(new["min_auth"], "accepted another strength of sign-in"))
        if old["require_reason"] != new["require_reason"]:
            found.append("wanted a reason" if new["require_reason"] else "wanted no reason")
        if old["reject_threshold"] != new["reject_threshold"]:
            found.append(f"needed {new['reject_threshold']} rejections to reject instead of {old['reject_threshold']}")
        return found

    def _name(self, number: int, level: Mapping[str, Any]) -> str:
        return f"Level {number} {level['name'] or f'({self.approvers(level)})'}"

    def approvers(self, level: Mapping[str, Any]) -> str:
        """Return who a level asks; people are counted, because names don't belong into a stored result."""
        rows = [row for part in parts_of(level) for row in part["approvers"]]
        named = [self._label(str(row["type"]), str(row["value"])) for row in rows if row["type"] != "user"]
        people = sum(row["type"] == "user" for row in rows)
        if people:
            named.append(f"{people} named {'person' if people == 1 else 'people'}")
        return listed(dict.fromkeys(named)) or "nobody"

    def _reasons(self, before: Evaluated, after: Evaluated) -> list[str]:
        """Return why: a rule that no longer decides, a risk that changed, conditions that changed."""
        found = [] if before.auto is None else _missed(before.auto, after.subject)
        risk, then = after.risk, before.risk
        if risk.score != then.score:
            found.append(f"its risk would be {risk.score} ({risk.level}) instead of {then.score} ({then.level})")
        old, new = before.snapshot["workflow"], after.snapshot["workflow"]
        if old != new:
            found += self._flips(new, before, after, wanted=True) or self._flips(old, before, after, wanted=False)
            if new and old:
                found.append(f"“{after.snapshot['name']}” applies instead of “{before.snapshot['name']}”")
        elif not found:
            found = [f"“{after.snapshot['name']}” asks for it"]
        return found

    def _flips(self, key: str, before: Evaluated, after: Evaluated, *, wanted: bool) -> list[str]:
        """Return the conditions of a workflow that changed their answer to the wanted one."""
        rules = [{str(pk): rule for pk, rule in each.items()}.get(key) for each in (self._before, self._after)]
        if rules[1] is None:
            return []
        now = _tests(rules[1], after.subject)
        then = {} if rules[0] is None else _tests(rules[0], before.subject)
        return [
            text for name, (holds, text) in now.items() if holds is wanted and then.get(name, (None,))[0] is not holds
        ]


def _tests(rule: Rule, subject: Subject) -> dict[str, Test]:
    """Return the conditions of a rule, as they stand for a request."""
    cost, currency = subject.cost, subject.currency
    tests: dict[str, Test] = {}
    if rule.kinds:
        tests["kind"] = (subject.kind in rule.kinds, "of its action")
    if rule.risk_levels:
        holds = subject.risk_level in rule.risk_levels
        tests["risk"] = (holds, f"its risk is {subject.risk_level} ({subject.score})")
    comparable = cost is not None and (rule.currency in ("", currency) or cost == 0)
    amount = money_text(abs(cost or Decimal(0)), currency)
    for name, bound, is_over in (("least", rule.min_cost, True), ("most", rule.max_cost, False)):
        if bound is not None and comparable and cost is not None:
            above = abs(cost) >= bound
            side = "at or over" if above else "below"
            tests[name] = (above is is_over, f"cost {amount} is {side} {money_text(bound)}")
    if rule.agents:
        tests["agent"] = (str(subject.agent_id) in rule.agents, "of its agent")
    if rule.channels:
        tests["channel"] = (subject.channel in rule.channels, "of its channel")
    if rule.contact_tags:
        tests["tags"] = (bool(set(rule.contact_tags) & set(subject.tags)), "of the contact's tags")
    if rule.time_window:
        tests["time"] = (_holds(lambda: matching.in_window(rule.time_window, subject.local_time)), "of the time")
    if rule.condition:
        tests["condition"] = _condition(rule.condition, subject)
    return tests


def _condition(text: str, subject: Subject) -> Test:
    holds = _holds(lambda: matching.condition_holds(text, subject))
    facts, values = subject.facts(), []
    for name in sorted(expressions.names_in(expressions.parse(text)) - {"tags", "agent"}):  # neither tags nor ids
        value = None if name.startswith(expressions.FIELD) else facts.get(name)  # nor what is known of a customer
        if value is not None and value != "":
            values.append(f"{NAMES.get(name, name)} {money_text(value) if name in AMOUNTS else value}")
    named = listed(values)
    says = words_of(expressions.parse(text), any_currency=False)
    return holds, f"{named or 'it'} {'meets' if holds else 'does not meet'} the condition “{says}”"


def _holds(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except ValueError:
        return False


def _met(rule: AutoRule, subject: Subject) -> list[str]:
    """Return why a rule decides a request."""
    found = []
    if rule.verdict == "reject" and rule.min_score is not None:
        found.append(f"risk {subject.score} is at or over {rule.min_score}")
    if rule.verdict == "approve" and subject.cost is not None and rule.max_cost is not None:
        found.append(f"cost {money_text(abs(subject.cost), subject.currency)} is at most {money_text(rule.max_cost)}")
        found.append(f"risk {subject.score} is at most {rule.max_score}")
    return found + ([_condition(rule.condition, subject)[1]] if rule.condition else [])


def _missed(rule: AutoRule, subject: Subject) -> list[str]:
    """Return which limit of a rule a request is over; none if its totals are used up or it was changed."""
    found = []
    if rule.max_score is not None and subject.score > min(rule.max_score, AUTO_APPROVE_MAX_SCORE):
        found.append(f"risk {subject.score} is over {min(rule.max_score, AUTO_APPROVE_MAX_SCORE)}")
    if rule.max_cost is not None and subject.cost is not None:
        most = min(rule.max_cost, AUTO_APPROVE_MAX_COST)
        if abs(subject.cost) > most:
            found.append(f"cost {money_text(abs(subject.cost), subject.currency)} is over {money_text(most)}")
    return found or [f"the rule “{rule.id}” no longer decides it"]


def _votes(level: Mapping[str, Any]) -> str:
    if level["mode"] == "quorum":
        return f"{level['quorum']} approvals"
    return {"any": "one approval", "parallel": "approvals of several levels"}.get(
        level["mode"], f"{MODES.get(level['mode'], level['mode'])[:1].lower()}{MODES.get(level['mode'], '')[1:]}"
    )


def _people(level: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(str(row["type"]), str(row["value"])) for part in parts_of(level) for row in part["approvers"]}


def _flow(found: Evaluated) -> str:
    return f"“{found.snapshot['name']}”" if found.snapshot["workflow"] else NOBODY


def _because(reasons: list[str]) -> str:
    return f" because {listed(dict.fromkeys(reasons))}" if reasons else ""
