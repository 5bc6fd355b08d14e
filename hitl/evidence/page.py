"""Evidence as a page to read and print, made from the exported JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.template.loader import get_template

from core.privacy.visible_text import visible
from hitl.display import FACTORS, RISKS, STATES

Json = Mapping[str, Any]
NameOf = Callable[[str | None], str]
STRENGTHS: Final = {
    "mfa": "Password and second factor",
    "password": "Password",
    "link": "Link in an email or WhatsApp message",
    "slack": "Button in Slack",
    "api_key": "API key",
    "none": "Not signed in",
}
VERDICTS: Final = {"approve": "Approved", "reject": "Rejected"}
PAYLOADS: Final = {
    "complete": "Shown in full. The digest below is over exactly this.",
    "masked": "Personal data is masked. The digest is over the original, which this export withholds.",
    "erased": "The content was erased at the request of a person. Its digest remains.",
}


@dataclass(frozen=True)
class Section:
    """A part of the page: rows of name and value, a table, a text."""

    title: str
    rows: Sequence[tuple[str, str]] = ()
    heads: Sequence[str] = ()
    lines: Sequence[Sequence[str]] = ()
    text: str = ""
    code: str = ""
    is_new_page: bool = field(default=False)


def render(evidence: Json, sha256: str) -> str:
    """Return the page of one approval, or of a period; `sha256` is that of the JSON it was made from."""
    header = evidence["header"]
    parts = {"approval": approval_sections, "period": period_sections}[evidence["kind"]](evidence)
    context = {
        "title": f"Evidence of {header.get('reference') or 'a period'}",
        "header": header,
        "exported_at": _when(header["exported_at"]),
        "sections": parts,
        "sha256": sha256,
        "signature": evidence["signature"],
        "problems": evidence["content"].get("findings", {}).get("problems", []),
    }
    return str(get_template("evidence/page.html").render(context))


def approval_sections(evidence: Json) -> list[Section]:
    """Return the parts of the page of one approval."""
    content = evidence["content"]
    people = {person["id"]: person["name"] for person in content["people"]}

    def name_of(person: str | None) -> str:
        return people.get(person, "Unknown person") if person else "–"

    request, digest = content["request"], content["digest"]
    return [
        _request(request, name_of),
        Section("What was requested", rows=_flat(request["payload"]), text=PAYLOADS[request["payload_state"]]),
        Section(
            "Digest",
            rows=[("SHA-256", digest["value"])],
            text="Every decision below is bound to a digest. This one is over exactly these bytes:"
            if digest["canonical"]
            else "The bytes that this digest is over are withheld or erased.",
            code=digest["canonical"] or "",
        ),
        _votes(content["votes"], name_of),
        _risk(content["risk"]),
        _workflow(content["workflow"]),
        _assignments(content["assignments"], name_of),
        _revisions(content["revisions"], name_of),
        _executions(content["executions"]),
        _notifications(content["notifications"], name_of),
        *_chain(content, name_of),
    ]


def period_sections(evidence: Json) -> list[Section]:
    """Return the parts of the page of a period: its register."""
    header, records = evidence["header"], evidence["content"]["records"]
    lines = [
        (
            row["reference"],
            _when(row["created_at"]),
            row["kind_title"],
            _state(row["state"]),
            _risk_word(row),
            row["decided_by"] or "–",
            row["sha256"],
        )
        for row in records
    ]
    return [
        Section(
            "Period",
            rows=[("From", _when(header["since"])), ("Until", _when(header["until"])), ("Requests", str(len(records)))],
            text="Each request has a line in the exported file. Its SHA-256 below names the exact bytes.",
        ),
        Section(
            "Requests",
            heads=("Reference", "Requested", "Action", "State", "Risk", "Decided by", "SHA-256 of the record"),
            lines=lines,
        ),
    ]


def _request(request: Json, name_of: NameOf) -> Section:
    who = name_of(request["requester_id"]) if request["requester_id"] else request["requester_kind"].replace("_", " ")
    cost = f"{request['cost']} {request['currency']}" if request["cost"] else "–"
    return Section(
        "Request",
        rows=[
            ("Reference", request["reference"]),
            ("Action", request["kind_title"]),
            ("Summary", visible(request["summary"])),
            ("Requested by", f"{who}, through an agent" if request["requester_kind"] == "agent" else who),
            ("Requested", _when(request["created_at"])),
            ("Channel", request["channel"] or "–"),
            ("State", _state(request["state"])),
            ("Revision", str(request["revision"])),
            ("Estimated cost", cost),
            ("People reached", str(request["reach"] if request["reach"] is not None else "–")),
            ("Decided", _when(request["decided_at"])),
            ("Ended", _when(request["resolved_at"])),
            ("Flags", ", ".join(request["compliance_flags"]) or "–"),
            ("Who could not approve it", ", ".join(map(name_of, request["excluded"])) or "–"),
        ],
    )


def _votes(votes: Iterable[Json], name_of: NameOf) -> Section:
    lines = []
    for row in votes:
        vote = row["sealed"]
        who = name_of(vote.get("person_id")) if vote.get("person_id") else vote.get("actor_name") or vote["actor_kind"]
        if vote.get("on_behalf_of_id"):
            who = f"{who}, for {name_of(vote['on_behalf_of_id'])}"
        strength = vote.get("auth_strength", "none")
        verdict = VERDICTS.get(vote["verdict"], vote["verdict"].replace("_", " ").capitalize())
        lines.append(
            (
                verdict,
                who,
                vote.get("role", "–"),
                STRENGTHS.get(strength, strength),
                vote.get("channel", "–"),
                _when(vote["created_at"]),
                f"{vote['revision']} / {vote['level']}",
                vote["digest"][:16],
                visible(row["reason"]) or "–",
            )
        )
    heads = (
        "Decision",
        "Person",
        "Role then",
        "Signed in by",
        "Channel",
        "When",
        "Revision / level",
        "Digest",
        "Reason",
    )
    text = "The first 16 characters of each digest are shown." if lines else "Nobody decided."
    return Section("Decisions", heads=heads if lines else (), lines=lines, text=text, is_new_page=True)


def _risk(risk: Json) -> Section:
    lines = []
    for row in risk["factors"]:
        title = FACTORS.get(row["name"], row["name"].replace("_", " ").capitalize())
        lines.append((title, str(row["points"]), visible(_text(row.get("sentence")))))
    text = f"{_risk_word({'risk_level': risk['level']})}, {risk['score']} of 100 points"
    return Section("Risk", heads=("Factor", "Points", "Why") if lines else (), lines=lines, text=text)


def _workflow(workflow: Json) -> Section:
    snapshot = workflow["snapshot"]
    rows = [("Workflow", str(snapshot.get("name") or "None")), ("Version", str(workflow["version"]))]
    levels = snapshot.get("levels") or []
    rows += [(f"Level {place}: {name}", text) for place, level in enumerate(levels, 1) for name, text in _flat(level)]
    return Section("Workflow, as it was when the request was made", rows=rows)


def _assignments(rows: Iterable[Json], name_of: NameOf) -> Section:
    lines = [
        (
            name_of(row["person_id"]),
            f"{row['revision']} / {row['level']}",
            row.get("source", "–"),
            name_of(row.get("for_person_id")),
            _when(row["opened_at"]),
            _when(row.get("closed_at")),
        )
        for row in (each["sealed"] for each in rows)
    ]
    heads = ("Person", "Revision / level", "Because of", "In place of", "From", "Until")
    return Section(
        "Who was asked", heads=heads if lines else (), lines=lines, text="" if lines else "Nobody was asked."
    )


def _revisions(rows: Iterable[Json], name_of: NameOf) -> Section:
    lines = [
        (
            str(row["revision"]),
            row["event"],
            name_of(row["person_id"]),
            _when(row["created_at"]),
            str(change["field"]),
            visible(_text(change["before"])),
            visible(_text(change["after"])),
        )
        for row in rows
        for change in row["diff"] or [{"field": "erased", "before": "–", "after": "–"}]
    ]
    heads = ("Revision", "Why", "By", "When", "Field", "Before", "After")
    return Section("Changes", heads=heads if lines else (), lines=lines, text="" if lines else "It was never changed.")


def _executions(rows: Iterable[Json]) -> Section:
    lines = [
        (
            str(sealed["revision"]),
            sealed["idempotency_key"],
            str(sealed["attempt"]),
            sealed.get("outcome", "–"),
            _when(sealed["started_at"]),
            _when(sealed.get("finished_at")),
            visible(row["error"]) or "–",
        )
        for row in rows
        for sealed in [row["sealed"]]
    ]
    heads = ("Revision", "Idempotency key", "Attempts", "Outcome", "Started", "Finished", "Error")
    return Section("Execution", heads=heads if lines else (), lines=lines, text="" if lines else "Not executed.")


def _notifications(rows: Iterable[Json], name_of: NameOf) -> Section:
    lines = [
        (
            name_of(row["recipient_id"]),
            row["channel"],
            row["template"],
            row["status"],
            _when(row["created_at"]),
            _when(row["delivered_at"] or row["sent_at"]),
            visible(row["failure_reason"]) or "–",
        )
        for row in rows
    ]
    heads = ("To", "Channel", "Message", "State", "Created", "Sent or delivered", "Problem")
    return Section("Notifications", heads=heads if lines else (), lines=lines, text="" if lines else "None was sent.")


def _chain(content: Json, name_of: NameOf) -> list[Section]:
    entries = [
        (
            str(entry["seq"]),
            _when(entry["at"]),
            entry["action"],
            name_of(entry["actor_user_id"]) if entry["actor_user_id"] else entry["actor_name"] or entry["actor_kind"],
            entry["role"] or "–",
            f"{entry['old_state'] or '–'} → {entry['new_state'] or '–'}",
            str(row["anchor"] or "–"),
        )
        for row in content["audit"]
        for entry in [row["entry"]]
    ]
    held = [
        (str(row["number"]), f"{row['first']} to {row['last']}", row["root"], _when(row["at"]), row["key_id"])
        for row in content["anchors"]
    ]
    return [
        Section(
            "Audit log",
            heads=("Entry", "When", "Action", "By", "Role", "State", "Anchor"),
            lines=entries,
            is_new_page=True,
        ),
        Section("Anchors of the audit log", heads=("Anchor", "Entries", "Root", "Signed", "Key"), lines=held),
        Section(
            "Seal", rows=[("Seal of the request", content["seal"]["value"] or "None: it ended before there were seals")]
        ),
    ]


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Return a document as rows of name and value."""
    if isinstance(value, Mapping) and value:
        return [row for key, item in value.items() for row in _flat(item, f"{name} / {key}" if name else str(key))]
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return [row for place, item in enumerate(value, 1) for row in _flat(item, f"{name} {place}".strip())]
    return [(name.replace("_", " "), visible(_text(value)))]


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _when(moment: str | None) -> str:
    if not moment:
        return "–"
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _state(state: str) -> str:
    return STATES[state][0] if state in STATES else state


def _risk_word(row: Json) -> str:
    level = row["risk_level"]
    return RISKS[level][0] if level in RISKS else level
