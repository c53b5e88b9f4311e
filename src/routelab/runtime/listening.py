"""A socket that a server listens on."""

from __future__ import annotations

import errno
import socket

from routelab.errors import RoutelabError

MOST_WAITING = 1024
"""Connections that wait to be accepted."""


_OF_THE_PORT = (errno.EADDRINUSE, errno.EACCES)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens; a port of 0 takes a free one.

    Raises:
        RoutelabError: the port is taken or none, or the host is not this machine's.
    """
    if not 0 <= port <= 65535:
        raise RoutelabError(f"port {port}: a port is 0 to 65535; 0 takes a free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=MOST_WAITING)
    except OSError as error:
        here = error.errno in _OF_THE_PORT
        raise RoutelabError(
            f"cannot serve at {host}:{port}: {error.strerror}; choose another"
            f" {'`port`' if here else '`host`, an address of this machine'}"
        ) from error
    # connections inherit it: a small answer must not wait 40 ms for the client's acknowledgement
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def base_url(host: str, listening: socket.socket) -> str:
    """The address of a server that speaks OpenAI's protocol, up to and including the version."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}/v1"
