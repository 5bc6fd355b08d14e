"""Evidence as a page to read and print, made from the exported JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.template.loader import get_template

from core.privacy.visible_text import visible
from hitl.display import FACTORS, RISKS, STATES

Json = Mapping[str, Any]
STRENGTHS: Final = {
    "key": "Security key or passkey",
    "mfa": "Password and second factor",
    "password": "Password",
    "company": "Company sign-in",
    "link": "Link in an email or WhatsApp message",
    "slack": "Button in Slack",
    "api_key": "API key",
    "none": "Not signed in",
}
VERDICTS: Final = {"approve": "Approved", "reject": "Rejected"}
PAYLOADS: Final = {
    "complete": "Shown in full. The digest below is over exactly this.",
    "masked": "Personal data is masked. The digest is over the original, which this export withholds.",
    "erased": "The content was erased at the request of a person, or for its age. Its digest remains.",
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
    is_period = evidence["kind"] == "period"
    parts = period_sections(evidence) if is_period else ApprovalPage(evidence["content"]).sections()
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


class ApprovalPage:
    """The page of one approval, section by section."""

    def __init__(self, content: Json) -> None:
        self.content = content
        self.people = {person["id"]: person["name"] for person in content["people"]}

    def name_of(self, person: str | None) -> str:
        """Return the name of a person, a dash for nobody."""
        return self.people.get(person, "Unknown person") if person else "–"

    def sections(self) -> list[Section]:
        """Return the sections in their order."""
        request, digest = self.content["request"], self.content["digest"]
        return [
            self.request(),
            Section("What was requested", rows=_flat(request["payload"]), text=PAYLOADS[request["payload_state"]]),
            Section(
                "Digest",
                rows=[("SHA-256", digest["value"])],
                text="Every decision below is bound to a digest. This one is over exactly these bytes:"
                if digest["canonical"]
                else "The bytes that this digest is over are withheld or erased.",
                code=digest["canonical"] or "",
            ),
            self.votes(),
            self.risk(),
            self.workflow(),
            self.assignments(),
            self.revisions(),
            self.executions(),
            self.notifications(),
            *self.chain(),
        ]

    def request(self) -> Section:
        """Return the facts of the request."""
        request = self.content["request"]
        who = request["requester_kind"].replace("_", " ")
        if request["requester_id"]:
            who = self.name_of(request["requester_id"])
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
                ("Who could not approve it", ", ".join(map(self.name_of, request["excluded"])) or "–"),
            ],
        )

    def votes(self) -> Section:
        """Return the verdicts, each with who gave it and how they had signed in."""
        lines = []
        for row in self.content["votes"]:
            vote = row["sealed"]
            person = vote.get("person_id")
            who = self.name_of(person) if person else vote.get("actor_name") or vote["actor_kind"]
            if vote.get("on_behalf_of_id"):
                who = f"{who}, for {self.name_of(vote['on_behalf_of_id'])}"
            strength = vote.get("auth_strength", "none")
            lines.append(
                (
                    VERDICTS.get(vote["verdict"], vote["verdict"].replace("_", " ").capitalize()),
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
            *("Decision", "Person", "Role then", "Signed in by", "Channel", "When", "Revision / level", "Digest"),
            "Reason",
        )
        text = "The first 16 characters of each digest are shown."
        return _table("Decisions", heads, lines, "Nobody decided.", text=text, is_new_page=True)

    def risk(self) -> Section:
        risk = self.content["risk"]
        lines = [
            (
                FACTORS.get(row["name"], row["name"].replace("_", " ").capitalize()),
                str(row["points"]),
                visible(_text(row.get("sentence"))),
            )
            for row in risk["factors"]
        ]
        text = f"{_risk_word(risk['level'])}, {risk['score']} of 100 points"
        return _table("Risk", ("Factor", "Points", "Why"), lines, text, text=text)

    def workflow(self) -> Section:
        """Return the frozen workflow."""
        snapshot, version = self.content["workflow"]["snapshot"], self.content["workflow"]["version"]
        rows = [("Workflow", str(snapshot.get("name") or "None")), ("Version", str(version))]
        for place, level in enumerate(snapshot.get("levels") or [], 1):
            rows += [(f"Level {place}: {name}", text) for name, text in _flat(level)]
        return Section("Workflow, as it was when the request was made", rows=rows)

    def assignments(self) -> Section:
        """Return who was asked, and until when."""
        lines = [
            (
                self.name_of(row["person_id"]),
                f"{row['revision']} / {row['level']}",
                row.get("source", "–"),
                self.name_of(row.get("for_person_id")),
                _when(row["opened_at"]),
                _when(row.get("closed_at")),
            )
            for row in (each["sealed"] for each in self.content["assignments"])
        ]
        heads = ("Person", "Revision / level", "Because of", "In place of", "From", "Until")
        return _table("Who was asked", heads, lines, "Nobody was asked.")

    def revisions(self) -> Section:
        """Return what was changed, field by field."""
        lines = [
            (
                str(row["revision"]),
                row["event"],
                self.name_of(row["person_id"]),
                _when(row["created_at"]),
                str(change["field"]),
                visible(_text(change["before"])),
                visible(_text(change["after"])),
            )
            for row in self.content["revisions"]
            for change in row["diff"] or [{"field": "erased", "before": "–", "after": "–"}]
        ]
        heads = ("Revision", "Why", "By", "When", "Field", "Before", "After")
        return _table("Changes", heads, lines, "It was never changed.")

    def executions(self) -> Section:
        """Return the executions, one of each revision."""
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
            for row in self.content["executions"]
            for sealed in [row["sealed"]]
        ]
        heads = ("Revision", "Idempotency key", "Attempts", "Outcome", "Started", "Finished", "Error")
        return _table("Execution", heads, lines, "Not executed.")

    def notifications(self) -> Section:
        """Return the notifications about it."""
        lines = [
            (
                self.name_of(row["recipient_id"]),
                row["channel"],
                row["template"],
                row["status"],
                _when(row["created_at"]),
                _when(row["delivered_at"] or row["sent_at"]),
                visible(row["failure_reason"]) or "–",
            )
            for row in self.content["notifications"]
        ]
        heads = ("To", "Channel", "Message", "State", "Created", "Sent or delivered", "Problem")
        return _table("Notifications", heads, lines, "None was sent.")

    def chain(self) -> list[Section]:
        """Return the audit entries, their anchors, and the seal of the request."""
        entries = []
        for row in self.content["audit"]:
            entry, person = row["entry"], row["entry"]["actor_user_id"]
            entries.append(
                (
                    str(entry["seq"]),
                    _when(entry["at"]),
                    entry["action"],
                    self.name_of(person) if person else entry["actor_name"] or entry["actor_kind"],
                    entry["role"] or "–",
                    f"{entry['old_state'] or '–'} → {entry['new_state'] or '–'}",
                    str(row["anchor"] or "–"),
                )
            )
        held = [
            (str(row["number"]), f"{row['first']} to {row['last']}", row["root"], _when(row["at"]), row["key_id"])
            for row in self.content["anchors"]
        ]
        seal = self.content["seal"]["value"] or "None: it ended before there were seals"
        heads = ("Entry", "When", "Action", "By", "Role", "State", "Anchor")
        return [
            Section("Audit log", heads=heads, lines=entries, is_new_page=True),
            Section("Anchors of the audit log", heads=("Anchor", "Entries", "Root", "Signed", "Key"), lines=held),
            Section("Seal", rows=[("Seal of the request", seal)]),
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
            _risk_word(row["risk_level"]),
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


def _table(
    title: str, heads: Sequence[str], lines: Sequence[Sequence[str]], nothing: str, *, text: str = "", **more: Any
) -> Section:
    """Return a section with a table, or with a sentence that it has no lines."""
    return (
        Section(title, heads=heads, lines=lines, text=text, **more) if lines else Section(title, text=nothing, **more)
    )


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


def _risk_word(level: str) -> str:
    return RISKS[level][0] if level in RISKS else level
