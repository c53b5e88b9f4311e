"""An invented log whose truth is known: the embedded data set, and what is best on it.

`sample` makes the data set. `world` draws as many requests as one likes of either period, and
`best` names the cascade that nobody can beat there under a cost bound.
"""

from __future__ import annotations

from routelab.synthetic.dataset import content_sha256, sample
from routelab.synthetic.scene import DRIFT_AT, MODELS, TASKS, Period, catalogue
from routelab.synthetic.truth import BestPolicy, best, best_cascade, world

__all__ = [
    "DRIFT_AT",
    "MODELS",
    "TASKS",
    "BestPolicy",
    "Period",
    "best",
    "best_cascade",
    "catalogue",
    "content_sha256",
    "sample",
    "world",
]
