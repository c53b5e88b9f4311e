"""Route live requests by a policy directory; the base installation is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.blocking import BlockingAnswer, Router
    from routelab.runtime.config import RouterConfig
    from routelab.runtime.engine import LimitShare
    from routelab.runtime.finished_request import FinishedRequest, reached_endpoint
    from routelab.runtime.journal import DecisionLog, LogStatus
    from routelab.runtime.large_json import decode_anywhere
    from routelab.runtime.listening import base_url, listening_socket
    from routelab.runtime.requests import (
        Observer,
        Piece,
        RequestOptions,
        StreamedAnswer,
        TracingObserver,
    )
    from routelab.runtime.routed_answer import RoutedAnswer
    from routelab.runtime.router import AsyncRouter
    from routelab.runtime.trace_context import (
        TRACEPARENT,
        RequestTracer,
        TraceContext,
        read_trace,
    )
    from routelab.runtime.upstream import (
        OpenReply,
        OutgoingRequest,
        Reply,
        Upstream,
        UpstreamError,
        deployment_label,
    )
    from routelab.runtime.wire import (
        NEED,
        READS,
        REQUEST_ID,
        SAMPLE,
        SHOULD_RETRY,
        TooDeepError,
        decode_bounded,
        decode_json,
        encode_json,
        header_text,
        header_texts,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "SAMPLE": "wire",
            "AsyncRouter": "router",
            "BlockingAnswer": "blocking",
            "DecisionLog": "journal",
            "FinishedRequest": "finished_request",
            "LimitShare": "engine",
            "LogStatus": "journal",
            "NEED": "wire",
            "Observer": "requests",
            "OpenReply": "upstream",
            "OutgoingRequest": "upstream",
            "Piece": "requests",
            "READS": "wire",
            "REQUEST_ID": "wire",
            "Reply": "upstream",
            "RequestOptions": "requests",
            "RequestTracer": "trace_context",
            "RoutedAnswer": "routed_answer",
            "Router": "blocking",
            "RouterConfig": "config",
            "SHOULD_RETRY": "wire",
            "TRACEPARENT": "trace_context",
            "StreamedAnswer": "requests",
            "TraceContext": "trace_context",
            "TracingObserver": "requests",
            "Upstream": "upstream",
            "UpstreamError": "upstream",
            "base_url": "listening",
            "TooDeepError": "wire",
            "decode_anywhere": "large_json",
            "decode_bounded": "wire",
            "decode_json": "wire",
            "deployment_label": "upstream",
            "encode_json": "wire",
            "header_text": "wire",
            "header_texts": "wire",
            "listening_socket": "listening",
            "reached_endpoint": "finished_request",
            "read_trace": "trace_context",
        },
    )

__all__ = [
    "NEED",
    "READS",
    "REQUEST_ID",
    "SAMPLE",
    "SHOULD_RETRY",
    "TRACEPARENT",
    "AsyncRouter",
    "BlockingAnswer",
    "DecisionLog",
    "FinishedRequest",
    "LimitShare",
    "LogStatus",
    "Observer",
    "OpenReply",
    "OutgoingRequest",
    "Piece",
    "Reply",
    "RequestOptions",
    "RequestTracer",
    "RoutedAnswer",
    "Router",
    "RouterConfig",
    "StreamedAnswer",
    "TooDeepError",
    "TraceContext",
    "TracingObserver",
    "Upstream",
    "UpstreamError",
    "base_url",
    "decode_anywhere",
    "decode_bounded",
    "decode_json",
    "deployment_label",
    "encode_json",
    "header_text",
    "header_texts",
    "listening_socket",
    "reached_endpoint",
    "read_trace",
]
