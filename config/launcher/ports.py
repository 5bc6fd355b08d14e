"""Free and taken TCP ports."""

import socket


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError:
        return False
    return True


def pick(preferred: int = 0) -> int:
    """Return the preferred loopback port when it is free, else any free one."""
    if preferred and is_free("127.0.0.1", preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def taken(host: str, port: int) -> str:
    """Say that the web port is not to be had, and what to do."""
    if port < 1024:
        return f"cannot listen on {host}:{port}: it is taken or needs more rights. Choose another one: --port 8000"
    return f"port {port} on {host} is taken by another program. Choose another one: --port {pick(port + 1)}"
