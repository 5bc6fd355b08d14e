"""The recording of WhatsApp by Meta."""

from __future__ import annotations

import json
from functools import partial

from conversations.models import Message
from tests.channels_app.kit.recorder import (
    EMPTY,
    LAST,
    UNKNOWN,
    USUAL,
    Call,
    Door,
    Recorder,
    Recording,
    Report,
    Side,
    account_of,
    saying,
    sent_before,
    status_of,
)
from tests.channels_app.meta_whatsapp import conftest as cloud
from tests.channels_app.meta_whatsapp.test_kinds import KINDS, SILENT
from tests.world import World

CLOUD_WORDS = {
    "sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed",
    "deleted": "sent", "warning": "sent", "a new word": "sent",
}  # fmt: skip


def by_meta(world: World) -> Door:
    cloud.connect(world)

    def say(
        number: int = 1,
        text: str = "Hello",
        name: str = "Ana",
        kind: str = "text",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        facts = {"type": kind, kind: {"body": text}}
        value = cloud.change(messages=[cloud.message(number, **facts)], contacts=[cloud.person(name=name)])
        body = json.dumps(cloud.wrap(value)).encode() if raw is None else raw
        return Call("/channels/whatsapp-cloud/acme-meta/webhook/", body, {"X-Hub-Signature-256": cloud.sign(body)})

    return Door(
        "cloud",
        4 * 1024 * 1024,
        say,
        "X-Hub-Signature-256",
        bad={**USUAL, "unknown address": UNKNOWN, "odd address": UNKNOWN, **dict.fromkeys(EMPTY, "200: parked")},
        get=403,
    )


def meta_whatsapp(world: World) -> Recording:
    door = by_meta(world)

    def reports(message: Message) -> list[tuple[str, Report]]:
        def post(word: str) -> object:
            return cloud.post(cloud.wrap(cloud.change(statuses=[cloud.status(word, message.channel_message_id)])))

        return [(word, partial(post, word)) for word in ("sent", "delivered", "read")]

    return Recording(account_of(world, provider="cloud"), {"cloud_webhook": door}, saying(door), reports)


def traffic(side: Side, world: World, slug: str) -> None:
    account = cloud.connect(world, slug, app_secret=side.secret)
    post = partial(status_of, cloud.post, key=account.public_key, secret=side.secret)
    for number, (kind, facts, (text, _, _)) in enumerate(KINDS):
        document = cloud.wrap(cloud.change(messages=[cloud.message(number, type=kind, **facts)]))
        side.posts.append(partial(post, document))
        side.said.append(("whatsapp cloud", text))
    side.posts.append(partial(post, cloud.wrap(cloud.change(messages=[cloud.message(500, **one) for one in SILENT]))))
    for number, words in enumerate([*([word] for word in CLOUD_WORDS), [*LAST]]):
        message = sent_before(account, f"+3460088{number:04d}", f"wamid.out{number}")
        side.ends[message.pk] = "read" if len(words) > 1 else CLOUD_WORDS[words[0]]
        reports = [cloud.status(word, f"wamid.out{number}", errors=[{"code": 131000}]) for word in words]
        side.posts += [partial(post, cloud.wrap(cloud.change(statuses=[one]))) for one in reports]


RECORDED = {
    ("whatsapp", "cloud"): Recorder(
        meta_whatsapp, traffic, lambda number: {"messages": [{"id": f"wamid.sent{number}"}]}
    ),
}
