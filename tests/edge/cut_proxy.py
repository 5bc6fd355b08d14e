"""A line between a browser and a server of ours that a test can cut: the sockets die, the clocks go on."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class CutProxy:
    """Passes bytes on to a port of this machine, unless it is cut."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.door.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_cut = False
        self.open: set[socket.socket] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """End every connection, and let none through meanwhile."""
        self.is_cut = True
        self._end_all()
        try:
            yield
        finally:
            self.is_cut = False

    def close(self) -> None:
        """End it."""
        self.is_cut = True
        with contextlib.suppress(OSError):
            self.door.shutdown(socket.SHUT_RDWR)  # wakes who listens
        self.door.close()
        self._end_all()

    def _end_all(self) -> None:
        for one in list(self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self.door.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.open.discard(source)
        source.close()
