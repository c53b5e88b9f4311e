"""Search policy and engine together for objectives that a simulated day must keep.

A replay knows no queue, no retry and no outage; so thresholds, balancing, timeouts and retries
are tried on simulated days of tune, few of them, beginning with the front that was tuned
exactly. What the chosen setting comes to is told of a day of test, which nothing was chosen on.
"""

from routelab.tuning.simulated.engineered import Engineered, Wanted, check_alone
from routelab.tuning.simulated.kept import Kept
from routelab.tuning.simulated.tuned import tuned_for

__all__ = ["Engineered", "Kept", "Wanted", "check_alone", "tuned_for"]
