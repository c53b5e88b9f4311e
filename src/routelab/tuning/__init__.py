"""Search policies on the tune part, judge the chosen one on test, and say what it is worth."""

from routelab.tuning.objectives.bounds import Bounds, Floor
from routelab.tuning.options import Options
from routelab.tuning.study.study import Study, tune
from routelab.tuning.study.verdict import Verdict

__all__ = ["Bounds", "Floor", "Options", "Study", "Verdict", "tune"]
