"""What each command does, one command a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.cli.commands import (
        batch,
        certify,
        data,
        demo,
        diff,
        explain,
        import_log,
        inspect,
        key,
        log,
        parity,
        prices,
        redeliver,
        registry,
        replay,
        replay_server,
        report,
        reprice,
        route,
        serve,
        simulate,
        track,
        tune,
        value,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "batch": "",
            "certify": "",
            "data": "",
            "demo": "",
            "diff": "",
            "explain": "",
            "import_log": "",
            "inspect": "",
            "key": "",
            "log": "",
            "parity": "",
            "prices": "",
            "redeliver": "",
            "registry": "",
            "replay": "",
            "replay_server": "",
            "report": "",
            "reprice": "",
            "route": "",
            "serve": "",
            "simulate": "",
            "track": "",
            "tune": "",
            "value": "",
        },
    )

__all__ = [
    "batch",
    "certify",
    "data",
    "demo",
    "diff",
    "explain",
    "import_log",
    "inspect",
    "key",
    "log",
    "parity",
    "prices",
    "redeliver",
    "registry",
    "replay",
    "replay_server",
    "report",
    "reprice",
    "route",
    "serve",
    "simulate",
    "track",
    "tune",
    "value",
]
