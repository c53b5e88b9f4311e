"""A log replayed one partition at a time, on any executor, and the sums that are added up."""

from routelab.replay.partitions.cut import PartitionedSplit, cut
from routelab.replay.partitions.moments import Moments, MomentsQuery, moments
from routelab.replay.partitions.passes import (
    ThresholdSample,
    merged_sample,
    sample_file,
    tally_file,
)
from routelab.replay.partitions.rows import PartitionPart
from routelab.replay.partitions.survey import (
    FileSurvey,
    check_whole_requests,
    kinds_in_file,
    notes_of,
    outcomes_in_file,
    survey_file,
)
from routelab.replay.partitions.workers import Workers, workers

__all__ = [
    "FileSurvey",
    "Moments",
    "MomentsQuery",
    "PartitionPart",
    "PartitionedSplit",
    "ThresholdSample",
    "Workers",
    "check_whole_requests",
    "cut",
    "kinds_in_file",
    "merged_sample",
    "moments",
    "notes_of",
    "outcomes_in_file",
    "sample_file",
    "survey_file",
    "tally_file",
    "workers",
]
