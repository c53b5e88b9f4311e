"""Studies of logs that are read partition by partition, on threads, processes or a cluster."""

from routelab.tuning.streamed.repeat import replay_stream
from routelab.tuning.streamed.study import Streamed, tune_stream

__all__ = ["Streamed", "replay_stream", "tune_stream"]
