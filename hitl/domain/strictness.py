"""Compare how strict two frozen workflows are (pure)."""

from collections.abc import Mapping
from typing import Any, Final

AUTH_STRENGTH: Final = {"": 0, "none": 0, "api_key": 1, "password": 1, "company": 1, "mfa": 2, "key": 3}
_STRONGEST: Final = max(AUTH_STRENGTH.values())


def required_strength(level: Mapping[str, Any]) -> int:
    """Return the sign-in strength an approver needs; an unknown word asks for the strongest."""
    return AUTH_STRENGTH.get(level["min_auth"], _STRONGEST)


def is_no_weaker(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return True if everything that satisfies the new snapshot would have satisfied the old one.

    Levels are compared place by place; the new one may add some at the end. Where it cannot be
    told from the definitions alone, such as between a role and a person who has it, it is "no".
    """
    before, after = old["levels"], new["levels"]
    if not all(part["approvers"] for level in after for part in _parts(level)):
        return True  # nobody can ever approve it: it is held for an administrator
    if len(after) < len(before):
        return False
    return all(_level_is_no_weaker(*pair) for pair in zip(before, after, strict=False))


def _parts(level: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(level.get("parts") or [level])


def strictest(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a snapshot that requires what both require: one of the two if it does.

    Where they cannot be compared, the levels of the new one that the old ones do not cover are
    asked for after the old ones. Different people at each level are required where one of them requires it.
    """
    found = _strictest(old, new)
    is_distinct = old.get("distinct_approvers") or new.get("distinct_approvers")
    return {**found, "distinct_approvers": True} if is_distinct and not found.get("distinct_approvers") else found


def _strictest(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    if is_no_weaker(old, new):
        return _kept_shut(old, new)
    if is_no_weaker(new, old):
        return old
    missing = _not_covered(new["levels"], old["levels"])
    if not missing:
        return old
    levels = [{**level, "order": place} for place, level in enumerate([*old["levels"], *missing], start=1)]
    return _kept_shut(old, {**new, "levels": levels})


def _kept_shut(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    """Break-glass that was not allowed before is not allowed by a change of the request."""
    if new.get("allow_override") and not old.get("allow_override"):
        return {**new, "allow_override": False}
    return new


def no_weaker_than(floor: Mapping[str, Any], chosen: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a snapshot that asks for everything both ask for, and allows only what both allow."""
    found = strictest(floor, chosen)
    if found is floor:
        return floor
    least, steps = floor.get("edit_policy") or {}, floor.get("escalation") or []
    rights = {key: value for key, value in (chosen.get("edit_policy") or {}).items() if least.get(key) == value}
    return {
        **found,
        "escalation": [step for step in chosen.get("escalation") or [] if step in steps],
        "edit_policy": rights,
        "open_per_agent": min(floor["open_per_agent"], chosen["open_per_agent"]),
    }


def _not_covered(wanted: list[dict[str, Any]], by: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the wanted levels without one of their own that asks for no less."""
    free, missing = list(by), []
    for level in wanted:
        cover = next((other for other in free if _level_is_no_weaker(level, other)), None)
        if cover is None:
            missing.append(level)
        else:
            free.remove(cover)
    return missing


def _level_is_no_weaker(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Levels that are open together are all asked: each old one needs one of its own in the new."""
    left = _parts(new)
    for part in _parts(old):
        found = next(
            (
                other
                for other in left
                if (
                    _people_are_no_weaker(part, other)
                    and _least_votes(other) >= _least_votes(part)
                    and required_strength(other) >= required_strength(part)
                    and other["require_reason"] >= part["require_reason"]
                    and other["reject_threshold"] <= part["reject_threshold"]
                )
            ),
            None,
        )
        if found is None:
            return False
        left.remove(found)
    return True


def _people_are_no_weaker(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = _approvers(old), _approvers(new)
    if old["mode"] in ("all", "per_group"):
        # Both ask for somebody of every part: leaving one out is as much a weakening as adding one.
        return bool(new["mode"] == old["mode"] and after == before)
    return after <= before


def _approvers(level: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(str(row["type"]), str(row["value"])) for row in level["approvers"]}


def _least_votes(level: Mapping[str, Any]) -> int:
    """Return how many different people must agree, regardless of who is assigned."""
    if level["mode"] == "quorum":
        return max(1, int(level["quorum"]))
    if level["mode"] == "all":
        return max(1, len([row for row in level["approvers"] if row["type"] == "user"]))
    return 1
