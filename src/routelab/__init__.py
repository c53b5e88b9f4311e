"""Evaluate, tune and ship LLM routing policies whose numbers hold in production.

What is asked for here is imported then; importing this package alone imports nothing else.

- `routelab.read(path)`: a log of requests, and what each model did on them.
- `routelab.tune(log, ...)`: search policies on its tune part and judge the chosen one on test.
- `routelab.load(path)`: a policy directory, as a study exports it; gives a `PolicyFile`.
- `routelab.replay.run(policy, log)`: what a policy would have decided, spent and delivered; of a
  `PolicyFile` it takes the `.policy`, and the `.scoring` where something was learned.
- `routelab.simulate.simulate(...)`: a day of such requests, on a virtual clock.
- `routelab.Router.load(path)`, `routelab.AsyncRouter.load(path)`: route live requests by it.

Every package is at hand too, as `routelab.tuning` or `routelab.errors`.
`Router`, `AsyncRouter` and `load` need no more than the base install, the others the `lab` extra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.version import __version__ as __version__

if TYPE_CHECKING:
    from routelab import collect as collect
    from routelab import core as core
    from routelab import errors as errors
    from routelab import estimators as estimators
    from routelab import gates as gates
    from routelab import graders as graders
    from routelab import learning as learning
    from routelab import lint as lint
    from routelab import logs as logs
    from routelab import metrics as metrics
    from routelab import plugins as plugins
    from routelab import policies as policies
    from routelab import policy_file as policy_file
    from routelab import replay as replay
    from routelab import replay_server as replay_server
    from routelab import reports as reports
    from routelab import runtime as runtime
    from routelab import scorers as scorers
    from routelab import serve as serve
    from routelab import signals as signals
    from routelab import simulate as simulate
    from routelab import stats as stats
    from routelab import synthetic as synthetic
    from routelab import tracking as tracking
    from routelab import tuning as tuning
    from routelab import whatif as whatif
    from routelab.logs import read
    from routelab.policy_file import load
    from routelab.runtime import AsyncRouter, Router
    from routelab.tuning import tune
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AsyncRouter": "runtime",
            "Router": "runtime",
            "collect": "",
            "core": "",
            "errors": "",
            "estimators": "",
            "gates": "",
            "graders": "",
            "learning": "",
            "lint": "",
            "load": "policy_file",
            "logs": "",
            "metrics": "",
            "plugins": "",
            "policies": "",
            "policy_file": "",
            "read": "logs",
            "replay": "",
            "replay_server": "",
            "reports": "",
            "runtime": "",
            "scorers": "",
            "serve": "",
            "signals": "",
            "simulate": "",
            "stats": "",
            "synthetic": "",
            "tracking": "",
            "tune": "tuning",
            "tuning": "",
            "whatif": "",
        },
    )

__all__ = ["AsyncRouter", "Router", "load", "read", "replay", "simulate", "tune"]
