"""Two tenants with a widget each, and lines to their chat sockets."""

import contextlib
import json
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import redis
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from channels.routing import URLRouter
from channels.sessions import SessionMiddlewareStack
from channels.testing import WebsocketCommunicator

from channels_app.sockets import thread_pool
from channels_app.sockets.routes import websocket_urlpatterns
from channels_app.web_chat.sessions import Session, open_session
from channels_app.web_chat.settings.widgets import find_widget
from config.launcher import ports
from config.launcher.servers.redis import binary
from conversations.models import ChannelAccount
from core.tenancy.models import tenant_scope
from tests.world import World

SECRET = "an identity secret of 32 bytes!!"
SITE = "https://shop.example"
Frame = dict[str, Any]
application = SessionMiddlewareStack(URLRouter(websocket_urlpatterns))


@dataclass(frozen=True)
class Widgets:
    """The widget of the first tenant, a second one of it, and one of another tenant."""

    acme: ChannelAccount
    second: ChannelAccount
    globex: ChannelAccount


def make_widget(tenant_id: UUID, name: str, **fields: Any) -> ChannelAccount:
    """Create a widget that stands on `SITE` and takes signed identities."""
    with tenant_scope(tenant_id):
        facts = {"credentials": {"identity_secret": SECRET, "shows_people": True}, "origins": [SITE], **fields}
        made: ChannelAccount = ChannelAccount.objects.create(kind="webchat", name=name, **facts)
        return made


def make_widgets(world: World) -> Widgets:
    return Widgets(
        make_widget(world.acme.pk, "Acme desk"),
        make_widget(world.acme.pk, "Acme shop"),
        make_widget(world.globex.pk, "Globex desk"),
    )


@pytest.fixture
def widgets(world: World) -> Widgets:
    return make_widgets(world)


@pytest.fixture
def live_widgets(committed_world: World) -> Iterator[Widgets]:
    """Widgets that other connections see, for tests with sockets."""
    yield make_widgets(committed_world)
    thread_pool.close_connections()


class Line:
    """A chat line of a test: says frames and hears them."""

    def __init__(self, path: str, headers: list[tuple[bytes, bytes]], protocols: list[str]) -> None:
        self.socket = WebsocketCommunicator(application, path, headers, protocols or None)

    async def open(self) -> "Line":
        connected, self.protocol = await self.socket.connect(timeout=20)
        assert connected
        return self

    async def say(self, frame: Frame | str) -> None:
        await self.socket.send_to(text_data=frame if isinstance(frame, str) else json.dumps(frame))

    async def hear(self, timeout: float = 20) -> Frame:
        found: Frame = json.loads(await self.socket.receive_from(timeout))
        return found

    async def hear_type(self, type: str, timeout: float = 20) -> Frame:
        while (frame := await self.hear(timeout))["type"] != type:
            pass
        return frame

    async def close_code(self, timeout: float = 20) -> int:
        while (event := await self.socket.receive_output(timeout))["type"] != "websocket.close":
            pass
        code: int = event["code"]
        return code

    async def send(self, text: str, id: UUID | None = None) -> Frame:
        await self.say({"type": "send_message", "id": str(id or uuid4()), "message": text})
        return await self.hear_type("message_received")


@pytest_asyncio.fixture
async def dial() -> AsyncIterator[Callable[..., Any]]:
    """Open lines; all are hung up at the end of the test."""
    lines: list[Line] = []

    async def make(
        path: str = "/ws/chat/", *, origin: str = SITE, protocols: tuple[str, ...] = (), **more: str
    ) -> Line:
        headers = [(b"host", b"localhost"), (b"user-agent", b"tests")]
        headers += [(b"origin", origin.encode())] if origin else []
        headers += [(name.encode(), value.encode()) for name, value in more.items()]
        line = await Line(path, headers, list(protocols)).open()
        lines.append(line)
        return line

    yield make
    for line in lines:
        await line.socket.disconnect()
    channel_layers.backends = {}


def session_of(account: ChannelAccount, **proofs: Any) -> Session:
    return open_session(widget=find_widget(account.public_key), **proofs)


@pytest_asyncio.fixture
async def chat(dial: Callable[..., Any]) -> Callable[..., Any]:
    """Open a signed-in chat line; the first frame heard is the one after `connected`."""

    async def make(account: ChannelAccount, **proofs: str) -> Line:
        session = await sync_to_async(session_of)(account, **proofs)
        line: Line = await dial()
        await line.say({"type": "auth", "token": session.token})
        line.connected = await line.hear()  # type: ignore[attr-defined]
        line.visitor = session.visitor  # type: ignore[attr-defined]
        return line

    return make


class OwnRedis:
    """A Redis for one test, which may stop it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, ports.pick()
        self.host = {"address": f"redis://127.0.0.1:{self.port}", "socket_timeout": 5}
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([str(binary()), *options], stdout=subprocess.DEVNULL)
        link = redis.Redis(port=self.port)
        for _ in range(100):
            with contextlib.suppress(redis.ConnectionError):
                link.ping()
                return
            time.sleep(0.02)
        raise AssertionError("Redis does not answer")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    made = OwnRedis(tmp_path)
    yield made
    made.kill()
