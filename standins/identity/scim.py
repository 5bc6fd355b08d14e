"""The directory's pushes by SCIM 2.0, in the ways of Microsoft Entra and of Okta.

Entra sends PATCH for each change, with `"op": "Replace"` and `"value": "False"`, and adds to `emails[type eq "work"]`;
Okta sends the whole person by PUT, and PATCH for turning off and on alone.
"""

import json
import threading
from typing import Any, Final
from urllib.parse import quote

from standins.identity.calls import Caller
from standins.identity.seed import object_id
from standins.identity.store import Store
from standins.store import Document

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
DIALECTS: Final = {"entra": "Microsoft Entra", "okta": "Okta"}
WORK: Final = 'emails[type eq "work"]'
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 60.0
Operations = list[Document]


class Later(Exception):
    """The product is away, or asks to wait: the push is tried again after so many seconds, or by the backoff."""

    def __init__(self, seconds: int = 0) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Stopped(Exception):
    """The product doesn't take the token: nothing is pushed until something changes."""


class Refused(Exception):
    """The product refuses what was pushed: the others go on."""


class Missing(Exception):
    """The product doesn't have what was pushed before."""


class Pusher:
    """Pushes what is due, one company after the other, in a thread of its own."""

    def __init__(self, store: Store, caller: Caller) -> None:
        self._store, self._caller = store, caller
        self._wake = threading.Event()
        self._failures: dict[str, int] = {}
        self._companies: tuple[str, ...] = ()

    def start(self, companies: tuple[str, ...]) -> None:
        """Begin, with what was left when the process ended."""
        self._companies = companies
        self.wake()
        threading.Thread(target=self._run, daemon=True).start()

    def wake(self) -> None:
        """Push what is due now."""
        self._wake.set()

    def _run(self) -> None:
        wait: float | None = None
        while True:
            self._wake.wait(wait)
            self._wake.clear()
            waits = [one for slug in self._companies if (one := self._settle(slug)) is not None]
            wait = min(waits, default=None)

    def _settle(self, slug: str) -> float | None:
        """Push all that is due of a company; returns the seconds until it is tried again, or None."""
        company = self._store.company(slug)
        if company is None or not company["token"]:
            return None
        problem = ""
        wait: float | None = None
        try:
            for table, push in (("person", self._person), ("circle", self._group)):
                for row in self._store.due(table, slug):
                    if not self._is_still(company):  # begin again, at the new address or with the new token
                        return 0
                    self._push_one(company, table, row, push)
            self._failures.pop(slug, None)
        except Later as away:
            number = self._failures[slug] = self._failures.get(slug, 0) + 1
            wait = away.seconds or min(FIRST_PAUSE * 2 ** (number - 1), LONGEST_PAUSE)
            problem = f"Walker doesn't answer as it should. Trying again in {wait:g} s."
        except Stopped:
            problem = "Walker doesn't take the token. Paste a new one, then push all."
        if problem != company["problem"]:
            self._store.set_company(slug, problem=problem)
        return wait

    def _push_one(self, company: Document, table: str, row: Document, push: Any) -> None:
        scim_id, pushed, problem = row["scim_id"], None, ""
        try:
            try:
                scim_id, pushed = push(company, row)
            except Missing:  # deleted there, or it is another installation: begin again
                scim_id, pushed = push(company, {**row, "scim_id": "", "pushed": ""})
        except (Refused, Missing) as refused:
            problem = f"Refused: {refused}"
        except (KeyError, TypeError, IndexError):
            problem = "Walker's answer isn't SCIM."
        if self._is_still(company):
            self._store.note_pushed(table, row, scim_id, pushed, problem)

    def _is_still(self, company: Document) -> bool:
        """Tell whether a company's directory is connected as it was a moment ago."""
        row = self._store.company(company["slug"]) or {}
        return all(row.get(name) == company[name] for name in ("scim", "token", "dialect"))

    def _send(self, company: Document, method: str, path: str, body: Document | None = None) -> Document:
        url = f"{company['scim'].rstrip('/')}/{path}"
        status, said, wait = self._caller.push(company["slug"], method, url, company["token"], body)
        if status in (0, 408, 429) or status >= 500:
            raise Later(wait)
        if status == 401:
            raise Stopped
        if status == 404:
            raise Missing("it isn't there")
        if status >= 400:
            raise Refused(str(said.get("detail", status)))
        return said

    def _find(self, company: Document, place: str, wanted: str) -> str:
        """Return the id of what is there already, as directories ask before they create."""
        said = self._send(company, "GET", f"{place}?filter={quote(wanted)}")
        found = said.get("Resources") or []
        return str(found[0]["id"]) if found else ""

    def _person(self, company: Document, row: Document) -> tuple[str, Document]:
        wanted = person_document(row, company["dialect"])
        key = row["scim_id"] or self._find(company, "Users", f'userName eq "{row["user_name"]}"')
        if not key:
            return str(self._send(company, "POST", "Users", wanted)["id"]), wanted
        before: Document = json.loads(row["pushed"]) if row["pushed"] else {}
        if before == wanted:
            return key, wanted
        if company["dialect"] == "okta":
            changed = {name for name in {*before, *wanted} if before.get(name) != wanted.get(name)}
            if changed == {"active"}:
                self._patch(company, f"Users/{key}", [{"op": "replace", "value": {"active": wanted["active"]}}])
            else:
                self._send(company, "PUT", f"Users/{key}", {**wanted, "id": key})
        else:
            self._patch(company, f"Users/{key}", person_changes(before, wanted))
        return key, wanted

    def _group(self, company: Document, row: Document) -> tuple[str, Document]:
        dialect, name, members = company["dialect"], row["name"], self._store.pushed_members(row["id"])
        wanted: Document = {"displayName": name, "members": members}
        key = row["scim_id"] or self._find(company, "Groups", f'displayName eq "{name}"')
        before: Document = json.loads(row["pushed"]) if row["pushed"] else {}
        if not key:
            said: Document = {"schemas": [GROUP], "displayName": name}
            if dialect == "okta":
                said["members"] = [{"value": one} for one in members]
            else:  # its people come right after
                said["externalId"] = object_id(row["id"])
            key = str(self._send(company, "POST", "Groups", said)["id"])
            before = {"displayName": name, "members": members if dialect == "okta" else []}
        operations = group_changes(key, before, wanted, dialect)
        if operations:
            self._patch(company, f"Groups/{key}", operations)
        return key, wanted

    def _patch(self, company: Document, path: str, operations: Operations) -> None:
        self._send(company, "PATCH", path, {"schemas": [PATCH], "Operations": operations})


def person_document(row: Document, dialect: str) -> Document:
    """Return a person as the directory sends them whole."""
    first, last, email = row["first_name"], row["last_name"], row["email"]
    whole: Document = {
        "schemas": [USER, ENTERPRISE],
        "userName": row["user_name"],
        "name": {"givenName": first, "familyName": last},
        "displayName": f"{first} {last}".strip(),
        **({"emails": [{"primary": True, "value": email, "type": "work"}]} if email else {}),
        "active": bool(row["active"]),
    }
    if dialect == "okta":
        return {**whole, "schemas": [USER], "externalId": row["id"], "locale": "en-US", "groups": []}
    return {**whole, "externalId": object_id(row["id"]), ENTERPRISE: {"department": "Shop"}}


def person_changes(before: Document, wanted: Document) -> Operations:
    """Return what Entra patches; without what was pushed before, everything."""
    made: Operations = []
    for path, now, then in (
        ("userName", wanted["userName"], before.get("userName")),
        ("externalId", wanted["externalId"], before.get("externalId")),
        ("name.givenName", wanted["name"]["givenName"], before.get("name", {}).get("givenName")),
        ("name.familyName", wanted["name"]["familyName"], before.get("name", {}).get("familyName")),
        ("displayName", wanted["displayName"], before.get("displayName")),
        ("active", str(wanted["active"]), str(before["active"]) if before else None),
    ):
        if now != then:
            made.append({"op": "Replace", "path": path, "value": now})
    then, now = before.get("emails"), wanted.get("emails")
    if now and now != then:
        made.append({"op": "Replace" if then else "Add", "path": f"{WORK}.value", "value": now[0]["value"]})
    if then and not now:
        made.append({"op": "Remove", "path": WORK})
    return made


def group_changes(key: str, before: Document, wanted: Document, dialect: str) -> Operations:
    """Return the operations for another name, and for the people who came and went."""
    is_entra, made = dialect == "entra", list[Document]()
    if before.get("displayName") != wanted["displayName"]:
        name = wanted["displayName"]
        made.append(
            {"op": "Replace", "path": "displayName", "value": name}
            if is_entra
            else {"op": "replace", "value": {"id": key, "displayName": name}}
        )
    there = set(before.get("members", ()))
    joined, left = (sorted(one) for one in (set(wanted["members"]) - there, there - set(wanted["members"])))
    if not before and not is_entra:
        return [*made, {"op": "replace", "path": "members", "value": [{"value": one} for one in wanted["members"]]}]
    if joined:
        value = [{"$ref": None, "value": one} if is_entra else {"value": one} for one in joined]
        made.append({"op": "Add" if is_entra else "add", "path": "members", "value": value})
    if left and is_entra:
        made.append({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": one} for one in left]})
    elif left:
        made += [{"op": "remove", "path": f'members[value eq "{one}"]'} for one in left]
    return made
