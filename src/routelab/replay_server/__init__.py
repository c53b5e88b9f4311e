"""Answer live requests from a log, so that a policy can be tried without spending money."""

from routelab.core.catalogue.catalogue import pointed_at
from routelab.replay_server.app import replay_app
from routelab.replay_server.server import background, run

__all__ = ["background", "pointed_at", "replay_app", "run"]
