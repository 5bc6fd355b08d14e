"""Use Redis in each of its roles, as the product does, and print what worked: run by `test_redis_servers`."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import django

django.setup()

from channels.layers import get_channel_layer  # noqa: E402
from django.core.cache import cache  # noqa: E402
from redis import RedisError  # noqa: E402

from channels_app.web_chat.settings.limits import Bucket  # noqa: E402
from config.celery import app  # noqa: E402
from core.installation import servers  # noqa: E402
from core.jobs import queues  # noqa: E402

# Names as unlike as those of real streams, so that each server has some.
GROUPS = sorted(sha256(str(number).encode()).hexdigest()[:12] for number in range(8))


def use_cache() -> Any:
    cache.set("seen", 5, timeout=60)
    return cache.get("seen")


def use_broker() -> Any:
    app.send_task("core.tasks.sweep_bus", queue="elsewhere")
    return queues.depth("elsewhere")


async def hear_all() -> list[str]:
    """Listen to groups on all servers as a socket does; return those that a message came to, sent as threads send."""
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    heard: list[str] = []

    async def listen() -> None:
        while True:
            heard.append((await layer.receive(channel))["group"])

    listening = asyncio.ensure_future(listen())
    await asyncio.sleep(0.2)
    for group in GROUPS:
        with contextlib.suppress(RedisError, OSError):
            await layer.group_add(group, channel)
    asked = sorted(await asyncio.to_thread(layer.listened_to, GROUPS))
    for group in asked:
        await asyncio.to_thread(layer.send_now, group, {"type": "hint", "group": group})
    until = time.monotonic() + 8
    while len(heard) < len(asked) and time.monotonic() < until:
        await asyncio.sleep(0.1)
    listening.cancel()
    return sorted(heard)


def use_limits() -> Any:
    return [
        asyncio.run(Bucket(1, 60).take("async")),
        Bucket(1, 60).spend_now(1, "sync"),
        Bucket(1, 60).spend_now(1, "sync"),
    ]


def use_doctor() -> Any:
    return [servers.redis_access().text, servers.redis_memory().text]


def tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as problem:  # noqa: BLE001 - any of them is printed
        return f"failed: {type(problem).__name__}"


def main() -> None:
    uses = {
        "cache": use_cache,
        "broker": use_broker,
        "layer": lambda: asyncio.run(asyncio.wait_for(hear_all(), 20)),
        "limits": use_limits,
        "doctor": use_doctor,
    }
    sys.stdout.write(json.dumps({name: tried(use) for name, use in uses.items()}) + "\n")


if __name__ == "__main__":
    main()
