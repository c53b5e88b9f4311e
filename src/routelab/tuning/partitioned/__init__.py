"""Studies of logs that are read partition by partition, on threads, processes or a cluster."""

from routelab.tuning.partitioned.repeat import replay_partitions
from routelab.tuning.partitioned.study import PartitionedStudy, tune_partitions

__all__ = ["PartitionedStudy", "replay_partitions", "tune_partitions"]
