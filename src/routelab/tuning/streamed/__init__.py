"""Studies of logs that are read partition by partition, on threads, processes or a cluster."""

from routelab.tuning.streamed.study import Streamed, tune_stream

__all__ = ["Streamed", "tune_stream"]
