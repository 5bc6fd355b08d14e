"""The recording of a company's own app."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

from channels_app.own_app import manage
from core.tenancy.scope import tenant_scope
from tests.channels_app.kit.recorder import (
    EMPTY,
    UNKNOWN,
    USUAL,
    Call,
    Door,
    Recorder,
    Recording,
    Side,
    account_of,
    saying,
    status_of,
)
from tests.channels_app.own_app.test_own_app import AppDoor
from tests.world import OPERATOR, World


def by_app(world: World) -> Door:
    with tenant_scope(world.acme.pk):
        app = AppDoor(world, manage.connect_app(actor=OPERATOR, name="App"), world.acme.pk)

    def say(
        number: int = 1,
        text: str = "Hello",
        name: str = "Ana",
        kind: str = "text",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        body = json.dumps({"id": f"m-{number}", "text": text, "name": name, "type": kind}).encode()
        return Call(app.path, body if raw is None else raw, {"Authorization": f"Bearer {app.token()}"})

    def elsewhere(call: Call) -> Call:
        return replace(call, path="/channels/app/nobody/messages/")

    return Door(
        "app",
        64 * 1024,
        say,
        "Authorization",
        elsewhere,
        bad={
            **{row: cell.replace("200", "202") for row, cell in USUAL.items()},
            "wrong proof": "403 no_signature: nothing",
            "changed body": "400 malformed: nothing",
            "unknown address": UNKNOWN,
            **dict.fromkeys(EMPTY, "400 malformed: nothing"),
        },
    )


def own_app(world: World) -> Recording:
    door = by_app(world)
    # Its answers are webhooks of ours, whose reports come by no door.
    return Recording(account_of(world, provider="app"), {"app_messages": door}, saying(door))


def traffic(side: Side, world: World, slug: str) -> None:
    app = AppDoor(world, manage.connect_app(actor=OPERATOR, name="App"), side.tenant_id)
    for customer in ("c-1", "c-2"):
        token = app.token(customer)
        for number, more in enumerate(
            ({"text": "Hello"}, {"text": "", "type": "card"}, {"text": "x", "metadata": {"a": 1}})
        ):
            side.posts.append(partial(status_of, app.post, {"id": f"m-{number}", **more}, token))
            side.said.append(("app app", more["text"] or "[card message]"))  # type: ignore[index]


RECORDED = {
    ("app", "app"): Recorder(own_app, traffic),
}
