"""Studies of logs that are read partition by partition, on threads, processes or a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.tuning.partitions.export import as_json, save
    from routelab.tuning.partitions.repeat import replay_partitions
    from routelab.tuning.partitions.study import PartitionedStudy, tune_partitions
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "PartitionedStudy": "study",
            "as_json": "export",
            "replay_partitions": "repeat",
            "save": "export",
            "tune_partitions": "study",
        },
    )

__all__ = [
    "PartitionedStudy",
    "as_json",
    "replay_partitions",
    "save",
    "tune_partitions",
]
