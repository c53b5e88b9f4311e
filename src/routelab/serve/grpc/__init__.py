"""The gateway over gRPC: `router.proto`, the server of it, and a stub for callers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.grpc import router_pb2
    from routelab.serve.grpc.grpc_server import GrpcServer
    from routelab.serve.grpc.router_entry import RouterEntry
    from routelab.serve.grpc.router_stub import SERVICE, RouterStub
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "GrpcServer": "grpc_server",
            "RouterEntry": "router_entry",
            "RouterStub": "router_stub",
            "SERVICE": "router_stub",
            "router_pb2": "",
        },
    )

__all__ = ["SERVICE", "GrpcServer", "RouterEntry", "RouterStub", "router_pb2"]
