"""Slack: the bot's methods, and the members who press buttons and send forms; misbehaviour can be scripted."""

import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

from standins.clock import now
from standins.errors import ApiError, invalid, not_found, refuse_unknown
from standins.slack import blocks
from standins.slack.seed import CHANNEL_NAME, Workspace, identity
from standins.slack.store import Store
from standins.slack.webhooks import Poster
from standins.store import Document

TRIGGER_LIFE = 3.0
ANSWERS = 5
ANSWER_LIFE = 30 * 60
TEXT_LIMIT = 40_000


@dataclass
class Behaviour:
    """How presses travel, and what the bot's token is worth."""

    copies: int = 1
    late: float = 0.0
    age: int = 0
    tampered: bool = False
    token_expired: bool = False


@dataclass
class Trigger:
    """A press that may open one form within three seconds."""

    team: str
    person: str
    made: float


@dataclass
class AnswerAddress:
    """An address that takes five answers to a press within half an hour."""

    team: str
    person: str
    channel: str
    ts: str
    made: float
    left: int = ANSWERS


class Slack:
    """All workspaces."""

    def __init__(self, store: Store, poster: Poster, workspaces: list[Workspace]) -> None:
        self.store, self.poster = store, poster
        self.workspaces = {workspace.team: workspace for workspace in workspaces}
        self.behaviour = Behaviour()
        self.address = ""
        self._guard = threading.Lock()
        self._last = 0
        self._triggers: dict[str, Trigger] = {}
        self._answers: dict[str, AnswerAddress] = {}

    def reset(self) -> None:
        """Delete all messages and reset the behaviour."""
        self.behaviour = Behaviour()
        self._triggers.clear()
        self._answers.clear()
        self.store.clear()

    def behave(self, wanted: Document) -> Document:
        """Change the behaviour; unknown names are refused."""
        refuse_unknown(wanted, Behaviour)
        self.behaviour = Behaviour(**wanted)
        return vars(self.behaviour).copy()

    def call(self, method: str, token: str, body: Document) -> Document:
        """Return the answer of a method of the Web API: errors have status 200, too."""
        workspace = next((one for one in self.workspaces.values() if one.bot_token == token), None)
        if workspace is None:
            return {"ok": False, "error": "invalid_auth" if token else "not_authed"}
        if self.behaviour.token_expired:
            return {"ok": False, "error": "token_expired"}
        methods = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "chat.postEphemeral": self._post_ephemeral,
            "views.open": self._open_form,
        }
        if method not in methods:
            return {"ok": False, "error": "unknown_method"}
        try:
            return {"ok": True, **methods[method](workspace, body)}
        except blocks.InvalidBlocks:
            return {"ok": False, "error": "invalid_blocks"}
        except ApiError as problem:
            return {"ok": False, "error": problem.body["code"]}

    def _auth_test(self, workspace: Workspace, body: Document) -> Document:
        return {"team": workspace.name, "team_id": workspace.team, "user_id": identity("U", workspace.slug, "bot")}

    def _place_of(self, workspace: Workspace, channel: str) -> str:
        """Return the conversation of a channel, or of the direct messages with a member."""
        if channel in workspace.people:
            return identity("D", workspace.slug, channel)
        if channel == workspace.channel or channel in {self._place_of(workspace, one) for one in workspace.people}:
            return channel
        raise ApiError(404, "channel_not_found", channel)

    def _content(self, body: Document) -> Document:
        text = body.get("text")
        if not isinstance(text, str) or not text:
            raise ApiError(400, "no_text", "")
        if len(text) > TEXT_LIMIT:
            raise ApiError(400, "msg_too_long", "")
        return {"text": text, "blocks": blocks.check(body.get("blocks", []))}

    def _post_message(self, workspace: Workspace, body: Document) -> Document:
        place, content, ts = self._place_of(workspace, str(body.get("channel"))), self._content(body), self._next_ts()
        self.store.add_message(workspace.team, place, ts, content, now().isoformat())
        return {"channel": place, "ts": ts, "message": {"type": "message", "ts": ts, **content}}

    def _update(self, workspace: Workspace, body: Document) -> Document:
        channel, ts, content = str(body.get("channel")), str(body.get("ts")), self._content(body)
        if not self.store.change_message(workspace.team, channel, ts, content):
            raise ApiError(404, "message_not_found", "")
        return {"channel": channel, "ts": ts, "text": content["text"]}

    def _post_ephemeral(self, workspace: Workspace, body: Document) -> Document:
        place, person, ts = self._place_of(workspace, str(body.get("channel"))), str(body.get("user")), self._next_ts()
        if person not in workspace.people:
            raise ApiError(404, "user_not_in_channel", "")
        self.store.add_message(workspace.team, place, ts, self._content(body), now().isoformat(), only_for=person)
        return {"message_ts": ts}

    def _open_form(self, workspace: Workspace, body: Document) -> Document:
        with self._guard:
            trigger = self._triggers.pop(str(body.get("trigger_id")), None)
        if trigger is None or trigger.team != workspace.team:
            raise ApiError(400, "invalid_trigger_id", "")
        if time.monotonic() - trigger.made > TRIGGER_LIFE:
            raise ApiError(400, "expired_trigger_id", "")
        view, form_id = blocks.check_form(body.get("view")), identity("V", secrets.token_hex(8))
        self.store.add_form(form_id, workspace.team, trigger.person, view)
        return {"view": {"id": form_id, **view}}

    def _next_ts(self) -> str:
        with self._guard:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return f"{self._last // 10**6}.{self._last % 10**6:06}"

    def press(self, wanted: Document) -> Document:
        """Press a button: `{team, user, channel, ts, action, version}`; `version` 0 is the message as first posted."""
        workspace, person = self._person(wanted)
        message = self.store.get_message(workspace.team, str(wanted.get("channel")), str(wanted.get("ts")))
        if message is None:
            raise not_found()
        shown = message["versions"][int(wanted.get("version", -1))]
        elements = [(block, one) for block in shown["blocks"] for one in block.get("elements", [])]
        found = next((pair for pair in elements if pair[1].get("action_id") == wanted.get("action")), None)
        if found is None:
            raise invalid(action="There is no such button.")
        statuses = []
        for _ in range(self.behaviour.copies):
            payload = self._press_payload(workspace, person, message, shown, *found)
            statuses.append(self._send(workspace, payload))
        return {"statuses": statuses}

    def _press_payload(
        self, workspace: Workspace, person: str, message: Document, shown: Document, block: Document, button: Document
    ) -> Document:
        trigger, ticket = secrets.token_hex(8), secrets.token_urlsafe(16)
        began = time.monotonic()
        with self._guard:
            self._triggers[trigger] = Trigger(workspace.team, person, began)
            self._answers[ticket] = AnswerAddress(workspace.team, person, message["channel"], message["ts"], began)
        place = {"channel_id": message["channel"], "message_ts": message["ts"]}
        return {
            **self._who(workspace, person),
            "type": "block_actions",
            "container": {"type": "message", **place, "is_ephemeral": False},
            "trigger_id": trigger,
            "channel": {"id": message["channel"], "name": self._name_of(workspace, message["channel"])},
            "message": {"type": "message", "ts": message["ts"], **shown},
            "response_url": f"{self.address}/actions/{workspace.team}/{ticket}",
            "actions": [
                {
                    "action_id": button["action_id"],
                    "block_id": block.get("block_id", ""),
                    "text": button["text"],
                    "value": button.get("value", ""),
                    "type": "button",
                    "action_ts": self._next_ts(),
                }
            ],
        }

    def submit(self, wanted: Document) -> Document:
        """Send an open form: `{team, user, form, values}`, with values by block and field."""
        workspace, person = self._person(wanted)
        form = next((one for one in self.store.list_forms(workspace.team) if one["id"] == wanted.get("form")), None)
        if form is None or form["person"] != person or not form["is_open"]:
            raise not_found()
        values = {
            block["block_id"]: {
                block["element"]["action_id"]: {"type": "plain_text_input", "value": str(wanted.get("value", ""))}
            }
            for block in form["view"]["blocks"]
            if block["type"] == "input"
        }
        view = {**form["view"], "id": form["id"], "hash": "1.1", "state": {"values": values}}
        payload = {**self._who(workspace, person), "type": "view_submission", "view": view, "response_urls": []}
        statuses = [self._send(workspace, payload) for _ in range(self.behaviour.copies)]
        self.store.close_form(form["id"])
        return {"statuses": statuses}

    def answer(self, team: str, ticket: str, body: Document) -> tuple[int, str]:
        """Take an answer to a press; returns status and text."""
        with self._guard:
            found = self._answers.get(ticket)
            is_live = found is not None and found.left > 0 and time.monotonic() - found.made < ANSWER_LIFE
            if found is None or not is_live or found.team != team:
                return 404, "used_url" if found else "invalid_url"
            found.left -= 1
        content = self._content(body)
        if body.get("replace_original"):
            self.store.change_message(team, found.channel, found.ts, content)
        else:
            only_for = found.person if body.get("response_type") == "ephemeral" else ""
            self.store.add_message(team, found.channel, self._next_ts(), content, now().isoformat(), only_for)
        return 200, "ok"

    def _send(self, workspace: Workspace, payload: Document) -> int:
        wanted = self.behaviour
        time.sleep(wanted.late)
        return self.poster.post(workspace, payload, age=wanted.age, tampered=wanted.tampered)

    def _person(self, wanted: Document) -> tuple[Workspace, str]:
        workspace, person = self.workspaces.get(str(wanted.get("team"))), str(wanted.get("user"))
        if workspace is None or person not in workspace.people:
            raise not_found()
        return workspace, person

    def _who(self, workspace: Workspace, person: str) -> Document:
        user = {"id": person, "username": workspace.people[person].split()[0].lower(), "team_id": workspace.team}
        team = {"id": workspace.team, "domain": workspace.slug}
        return {"user": user, "team": team, "api_app_id": identity("A", workspace.slug), "token": "unused"}

    def _name_of(self, workspace: Workspace, channel: str) -> str:
        return CHANNEL_NAME if channel == workspace.channel else "directmessage"

    def view(self) -> Document:
        """Return the data of the human page."""
        return {"workspaces": [self._view(workspace) for workspace in self.workspaces.values()]}

    def _view(self, workspace: Workspace) -> dict[str, Any]:
        places = {self._place_of(workspace, person): person for person in workspace.people}
        return {
            "team": workspace.team,
            "slug": workspace.slug,
            "name": workspace.name,
            "channel": workspace.channel,
            "people": workspace.people,
            "direct": places,
            "messages": self.store.list_messages(workspace.team)[::-1],
            "forms": [form for form in self.store.list_forms(workspace.team) if form["is_open"]],
            "requests": self.store.list_requests(workspace.team),
        }
