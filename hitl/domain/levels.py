"""Levels of a frozen workflow, stages of levels that are open together, and what may be edited (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hitl.domain.strictness import AUTH_STRENGTH

PARALLEL: Final = "parallel"


def group_into_stages(levels: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Group levels into stages: a level marked `parallel` opens with the one before it.

    Where only one setting can apply to a stage of several levels (sign-in, reason, deadline), the
    strictest counts.
    """
    groups: list[list[dict[str, Any]]] = []
    for level in levels:
        plain = {key: value for key, value in level.items() if key != PARALLEL}
        if level.get(PARALLEL) and groups:
            groups[-1].append(plain)
        else:
            groups.append([plain])
    return [group[0] if len(group) == 1 else _together(group) for group in groups]


def _together(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    soonest = min(parts, key=lambda part: part["sla_hours"])
    seen = [row for part in parts for row in part["approvers"]]
    editable = set(parts[0]["editable_fields"]).intersection(*(part["editable_fields"] for part in parts))
    return {
        **parts[0],
        "mode": PARALLEL,
        "name": " and ".join(part["name"] for part in parts if part["name"])[:160],
        "quorum": sum(part["quorum"] for part in parts),
        "reject_threshold": min(part["reject_threshold"] for part in parts),
        "approvers": [row for at, row in enumerate(seen) if row not in seen[:at]],
        "sla_hours": soonest["sla_hours"],
        "calendar": soonest["calendar"],
        "hours": soonest["hours"],
        "require_reason": any(part["require_reason"] for part in parts),
        "min_auth": max((part["min_auth"] for part in parts), key=lambda word: AUTH_STRENGTH.get(word, 9)),
        "editable_fields": sorted(editable),
        "parts": list(parts),
    }


def parts_of(level: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the levels that a stage is made of: itself, or those that are open together."""
    return list(level["parts"]) if level["mode"] == PARALLEL else [level]


def place_of(part: int, group: str) -> str:
    """Return the group mark of an assignment to a part, counted from 0; `group` is the mark outside of a stage."""
    return f"{part + 1}:{group}"


def group_in(part: int, mark: str) -> str | None:
    """Return the group an assignment stands for within the part, or None if it is of another part.

    One without a mark was added to the whole stage, for example by an escalation.
    """
    number, colon, group = mark.partition(":")
    if not colon:
        return mark
    return group if number == str(part + 1) else None


def editable_fields(level: Mapping[str, Any], kind: str) -> set[str]:
    """Return the fields that approvers of a level may edit: it lists `name`, or `kind:name` for one kind."""
    pairs = [str(entry).rpartition(":") for entry in level.get("editable_fields") or []]
    return {name for wanted, _, name in pairs if wanted in ("", kind)}
