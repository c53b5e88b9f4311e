"""A server of the gateway's methods, of health and of reflection, on a port of its own."""

from __future__ import annotations

import contextlib
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from routelab.errors import RoutelabError
from routelab.serve.config import GrpcRules
from routelab.serve.grpc.router_entry import RouterEntry
from routelab.serve.grpc.router_stub import SERVICE

_MINUTE_MS = 60_000


class GrpcServer:
    """Serves an entry; made within the event loop that it serves in.

    Attributes:
        port: that it listens on, once it is bound.

    Args:
        entry: that answers.
        rules: of connections, and of TLS.
        host: address to listen on.
        shared: other processes listen on the same port.
        message_bytes: of a request.
    Raises:
        RoutelabError: the port is taken or none, or files of TLS are of no use.
    """

    def __init__(
        self,
        entry: RouterEntry,
        rules: GrpcRules,
        host: str,
        *,
        shared: bool,
        message_bytes: int,
    ) -> None:
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            options=(
                ("grpc.so_reuseport", int(shared)),
                ("grpc.max_receive_message_length", message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_concurrent_streams", rules.at_once),
                ("grpc.keepalive_time_ms", round(rules.ping_s * 1e3)),
                ("grpc.keepalive_timeout_ms", round(rules.ping_s * 1e3)),
                ("grpc.http2.min_ping_interval_without_data_ms", _MINUTE_MS),
            )
        )
        self._server.add_generic_rpc_handlers((entry.handlers(),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.port = self._bound(rules, host)

    async def start(self) -> None:
        """Take calls."""
        for name in (health.OVERALL_HEALTH, SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def drain(self, grace_s: float) -> None:
        """Take no more calls, and see those under way through.

        Args:
            grace_s: seconds that they have.
        """
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)

    def _bound(self, rules: GrpcRules, host: str) -> int:
        address = f"[{host}]:{rules.port}" if ":" in host else f"{host}:{rules.port}"
        credentials = _credentials(rules)
        port = 0
        with contextlib.suppress(RuntimeError):  # it says so on standard error, at length
            if credentials is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, credentials)
        if not port:
            raise RoutelabError(
                f"grpc: cannot serve at {address}: the port is taken, the host is not this"
                " machine's, or the certificate and its key do not fit"
            )
        return port


def _credentials(rules: GrpcRules) -> grpc.ServerCredentials | None:
    if not rules.certificate:
        return None
    try:
        private_key, certificate = (
            Path(it).read_bytes() for it in (rules.private_key, rules.certificate)
        )
        authority = Path(rules.client_authority).read_bytes() if rules.client_authority else None
    except OSError as error:
        raise RoutelabError(f"grpc: {error.filename} cannot be read: {error.strerror}") from error
    return grpc.ssl_server_credentials(
        [(private_key, certificate)], authority, require_client_auth=authority is not None
    )
