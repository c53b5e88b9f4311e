"""A probe of an address: is it a replay server, and with which signals?"""

from __future__ import annotations

from collections.abc import Mapping

from routelab.runtime.wire import decode_object

_WAIT_S = 2.0


def logged_signals(base_url: str) -> Mapping[str, float | None]:
    """Signals that a replay server can give, each with its multiplier of a call's cost.

    None stands for a multiplier that the server does not know. Empty where no replay server
    answers, whatever else does.

    Args:
        base_url: of the server, with `/v1`.
    """
    import httpx  # heavy, so only for those who ask

    from routelab.runtime.transport.host_pools import LOOPBACK

    try:
        with httpx.Client(timeout=_WAIT_S, mounts=dict.fromkeys(LOOPBACK)) as client:
            reply = client.get(f"{base_url.rstrip('/')}/models")
    except (httpx.HTTPError, httpx.InvalidURL):
        return {}
    ours = (decode_object(reply.content) or {}).get("routelab")
    signals = ours.get("signals") if isinstance(ours, dict) else None
    return signals if isinstance(signals, dict) else {}
