"""The runtime on a virtual clock, with a log in place of the models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.simulate.arrivals import arrivals
from routelab.simulate.latency import latency

if TYPE_CHECKING:
    from routelab.simulate import scenario, slo
    from routelab.simulate.arrivals import DEFAULT_ARRIVALS, Arrivals, moment_s
    from routelab.simulate.checks import answered_by_log, located
    from routelab.simulate.day import Day, DeploymentSamples
    from routelab.simulate.options import SimulationOptions
    from routelab.simulate.run import simulate
    from routelab.simulate.scenario import Scenario, Surge, check
    from routelab.simulate.slo import CheckedObjective, Slo
    from routelab.simulate.surge import surged_arrivals
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Arrivals": "arrivals",
            "CheckedObjective": "slo",
            "DEFAULT_ARRIVALS": "arrivals",
            "Day": "day",
            "DeploymentSamples": "day",
            "Scenario": "scenario",
            "SimulationOptions": "options",
            "Slo": "slo",
            "Surge": "scenario",
            "answered_by_log": "checks",
            "check": "scenario",
            "located": "checks",
            "moment_s": "arrivals",
            "scenario": "",
            "simulate": "run",
            "slo": "",
            "surged_arrivals": "surge",
        },
    )

__all__ = [
    "DEFAULT_ARRIVALS",
    "Arrivals",
    "CheckedObjective",
    "Day",
    "DeploymentSamples",
    "Scenario",
    "SimulationOptions",
    "Slo",
    "Surge",
    "answered_by_log",
    "arrivals",
    "check",
    "latency",
    "located",
    "moment_s",
    "scenario",
    "simulate",
    "slo",
    "surged_arrivals",
]
