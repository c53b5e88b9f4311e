"""The gateway: policies behind the protocols that callers speak already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.app import GatewayApp
    from routelab.serve.callers import Identity
    from routelab.serve.config import (
        CallerRules,
        GatewayLimits,
        GrpcRules,
        LimitRule,
        RedactionRules,
        ServeConfig,
        StatusRules,
        TelemetryRules,
        WebSocketRules,
        WorkerRules,
        read_config,
    )
    from routelab.serve.event_log import EventLog
    from routelab.serve.gateway import ChatVisit, Gateway, GatewayAnswer
    from routelab.serve.keys import new_key
    from routelab.serve.queues import RedeliveryReport, redeliver
    from routelab.serve.refusal import RefusedError
    from routelab.serve.server import GatewayServer, serve
    from routelab.serve.service import Service
    from routelab.serve.workers import serve_workers
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Identity": "callers",
            "CallerRules": "config",
            "EventLog": "event_log",
            "Gateway": "gateway",
            "GatewayAnswer": "gateway",
            "GatewayApp": "app",
            "GatewayServer": "server",
            "GrpcRules": "config",
            "LimitRule": "config",
            "GatewayLimits": "config",
            "RedactionRules": "config",
            "RedeliveryReport": "queues",
            "RefusedError": "refusal",
            "ServeConfig": "config",
            "Service": "service",
            "StatusRules": "config",
            "TelemetryRules": "config",
            "WebSocketRules": "config",
            "WorkerRules": "config",
            "ChatVisit": "gateway",
            "new_key": "keys",
            "read_config": "config",
            "redeliver": "queues",
            "serve": "server",
            "serve_workers": "workers",
        },
    )

__all__ = [
    "CallerRules",
    "ChatVisit",
    "EventLog",
    "Gateway",
    "GatewayAnswer",
    "GatewayApp",
    "GatewayLimits",
    "GatewayServer",
    "GrpcRules",
    "Identity",
    "LimitRule",
    "RedactionRules",
    "RedeliveryReport",
    "RefusedError",
    "ServeConfig",
    "Service",
    "StatusRules",
    "TelemetryRules",
    "WebSocketRules",
    "WorkerRules",
    "new_key",
    "read_config",
    "redeliver",
    "serve",
    "serve_workers",
]
