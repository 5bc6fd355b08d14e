"""A visitor of the web chat over a real socket, and a plain socket of the same client library."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import Any
from uuid import uuid4

import aiohttp


class Line:
    """One open socket that sends a message and waits for its echo."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: Counter[str] = Counter()
        # Reading goes on between messages: it is what answers the server's pings.
        self.reader = asyncio.create_task(self.read())

    async def read(self) -> None:
        """Take in frames until the line ends."""
        async for message in self.socket:
            frame = json.loads(message.data)
            self.heard[frame["type"]] += 1
            self.frames.put_nowait(frame)
        self.frames.put_nowait({"type": "error", "detail": f"closed with {self.socket.close_code}"})

    async def send(self, frame: dict[str, Any]) -> None:
        """Send one frame."""
        await self.socket.send_str(json.dumps(frame))

    async def wait(self, kind: str, key: str = "", seconds: float = 20.0) -> dict[str, Any]:
        """Return the next frame of a type (with this client id), and pass over all before it."""
        async with asyncio.timeout(seconds):
            while True:
                frame = await self.frames.get()
                if frame["type"] == "error":
                    raise RuntimeError(f"the server answered {frame}")
                if frame["type"] == kind and (not key or frame.get("id") == key):
                    return frame

    async def echoed(self, text: str) -> float:
        """Send a message and return the seconds until it is confirmed."""
        key = str(uuid4())
        began = time.perf_counter()
        await self.send({"type": "send_message", "id": key, "message": text})
        await self.wait("message_received", key)
        return time.perf_counter() - began

    async def answered(self, text: str) -> tuple[float, float]:
        """Send a message and return the seconds until its echo and until the answer's last frame."""
        key = str(uuid4())
        while not self.frames.empty():  # answers to earlier messages
            self.frames.get_nowait()
        began = time.perf_counter()
        await self.send({"type": "send_message", "id": key, "message": text})
        await self.wait("message_received", key)
        echo = time.perf_counter() - began
        await self.wait("agent_response")
        return echo, time.perf_counter() - began


async def open_member(session: aiohttp.ClientSession, url: str, widget: str) -> Line:
    """Open the connection of the demo's member, who is signed in by the hosted page."""
    async with session.get(f"{url}/chat/{widget}/identity/") as answer:
        answer.raise_for_status()
        identity = (await answer.json())["identity"]
    return await open_visitor(session, url, widget, identity)


async def open_visitor(session: aiohttp.ClientSession, url: str, widget: str, identity: str = "") -> Line:
    """Open a session by the widget's door and sign a socket in."""
    asked = {"widget": widget, "identity": identity}
    async with session.post(f"{url}/widget/v1/session/", json=asked) as answer:
        answer.raise_for_status()
        known = await answer.json()
    line = await open_bare(session, url, known["ws_path"].lstrip("/"))
    await line.send({"type": "auth", "token": known["token"]})
    await line.wait("connected")
    return line


async def open_bare(session: aiohttp.ClientSession, url: str, path: str) -> Line:
    """Open a socket that needs no sign-in."""
    return Line(await session.ws_connect(f"{url}/{path}", heartbeat=None, compress=0))
