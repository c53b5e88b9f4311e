"""The methods of the service, for whoever asks it.

with grpc.insecure_channel("127.0.0.1:50051") as channel:
    reply = RouterStub(channel).Route(router_pb2.RouteRequest(body=body), timeout=30.0)
"""

from __future__ import annotations

from typing import Any

from routelab.serve.grpc import router_pb2

SERVICE = "routelab.v1.Router"


class RouterStub:
    """Asks a server; the same methods over `grpc` and `grpc.aio`.

    Attributes:
        Route: an answer as a whole.
        Stream: an answer in pieces.
        Decide: which model to call next.
        Feedback: what an answer turned out to be worth.

    Args:
        channel: of `grpc` or of `grpc.aio`.
    """

    Route: Any
    Stream: Any
    Decide: Any
    Feedback: Any

    def __init__(self, channel: Any) -> None:
        for method in router_pb2.DESCRIPTOR.services_by_name["Router"].methods:
            open_method = channel.unary_stream if method.server_streaming else channel.unary_unary
            multi = open_method(
                f"/{SERVICE}/{method.name}",
                request_serializer=_message(method.input_type).SerializeToString,
                response_deserializer=_message(method.output_type).FromString,
            )
            setattr(self, method.name, multi)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the service {SERVICE} has no method {name!r}")


def _message(descriptor: Any) -> Any:
    return getattr(router_pb2, descriptor.name)
