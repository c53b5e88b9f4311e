"""The runtime on a virtual clock, with a log in place of the models."""

from routelab.simulate.arrivals import Arrivals, arrivals
from routelab.simulate.day import Day
from routelab.simulate.latency import latency
from routelab.simulate.options import SimulationOptions
from routelab.simulate.run import simulate
from routelab.simulate.scenario import Scenario, Surge
from routelab.simulate.slo import CheckedObjective, Slo

__all__ = [
    "Arrivals",
    "CheckedObjective",
    "Day",
    "Scenario",
    "SimulationOptions",
    "Slo",
    "Surge",
    "arrivals",
    "latency",
    "simulate",
]
