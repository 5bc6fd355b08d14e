"""CPU and memory of one web process with thousands of chat sockets open on which nothing happens."""

from __future__ import annotations

import argparse
import asyncio
import os
import time

import aiohttp

from bench._client import Line, open_bare
from bench._environment import demo_facts, describe_machine, say
from bench._processes import cpu_seconds, families, pss

SHARE, MEMORY = 0.25, 1024.0
AT_ONCE = 2
BREATH = 0.25
"""The longest that one socket may take to open before the next waits as long again: opening is not what is measured."""


def main() -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="./walker bench idle", description=__doc__)
    parser.add_argument("--sockets", type=int, default=5000, help="open sockets (default 5000)")
    parser.add_argument("--seconds", type=float, default=180.0, help="how long to look on (default 180)")
    options = parser.parse_args()
    say("\n".join(describe_machine()))
    facts = demo_facts()
    widget = next(one["widget_key"] for one in facts["tenants"][0]["channels"] if one.get("signed_in") is False)
    return asyncio.run(measure(options, tokens(widget, options.sockets)))


def tokens(widget: str, count: int) -> list[str]:
    """Return the tokens of as many new visitors; the door itself limits how many one address may have."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django  # noqa: PLC0415

    django.setup()
    from channels_app.web_chat.sessions import open_session  # noqa: PLC0415
    from channels_app.web_chat.settings.widgets import find_widget  # noqa: PLC0415

    found = find_widget(widget)
    return [open_session(widget=found).token for _ in range(count)]


async def measure(options: argparse.Namespace, tokens: list[str]) -> int:
    """Open the sockets, wait, and look at the web process."""
    url, lines, gate = os.environ["PUBLIC_URL"], [], asyncio.Semaphore(AT_ONCE)
    began = time.perf_counter()

    async def open_one(session: aiohttp.ClientSession, token: str) -> Line:
        async with gate:
            line = await open_bare(session, url, "ws/chat/")
            await line.send({"type": "auth", "token": token})
            asked = time.perf_counter()
            await line.wait("connected", seconds=60)
            if (took := time.perf_counter() - asked) > BREATH:
                await asyncio.sleep(took)
            return line

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"Origin": url}) as session:
        lines = await asyncio.gather(*[open_one(session, token) for token in tokens])
        say(f"{len(lines)} sockets opened in {time.perf_counter() - began:.0f} s (load {os.getloadavg()[0]:.1f})")
        await asyncio.sleep(90)
        web = families()["web"]
        spent = cpu_seconds(web)
        await asyncio.sleep(options.seconds)
        share = (cpu_seconds(web) - spent) / options.seconds
        memory = sum(pss(pid) for pid in web)
        gone = sum(line.reader.done() for line in lines)
    say(f"load         {os.getloadavg()[0]:.1f}")
    say(f"web          {share:.1%} of a core (target: at most {SHARE:.0%})")
    say(f"             PSS {memory:.0f} MB (target: at most {MEMORY:.0f} MB)")
    say(f"ended        {gone} sockets")
    return 0 if share <= SHARE and memory <= MEMORY and not gone else 1


if __name__ == "__main__":
    raise SystemExit(main())
