"""Options that belong together: a group a class, whose fields are options of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.cli.options.bounds import BoundOptions, ProofOptions
    from routelab.cli.options.collection import AskingOptions, collect_options
    from routelab.cli.options.days import (
        AnswerOptions,
        DayOptions,
        SimulatedRouterOptions,
        TrafficOptions,
        TunedDayOptions,
    )
    from routelab.cli.options.groups import group, grouped
    from routelab.cli.options.log import (
        Columns,
        CompleteLogOptions,
        Executor,
        LogOptions,
        Prices,
        Signals,
    )
    from routelab.cli.options.output import Json, OutputOptions, StudyOutputOptions, Verbose
    from routelab.cli.options.request import EndpointOptions, RequestArguments
    from routelab.cli.options.study import (
        BatchOptions,
        CandidateOptions,
        KindOptions,
        SearchOptions,
    )
    from routelab.cli.options.world import OldLogOptions, WorldOptions
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AnswerOptions": "days",
            "AskingOptions": "collection",
            "BatchOptions": "study",
            "BoundOptions": "bounds",
            "CandidateOptions": "study",
            "Columns": "log",
            "CompleteLogOptions": "log",
            "DayOptions": "days",
            "EndpointOptions": "request",
            "Executor": "log",
            "Json": "output",
            "KindOptions": "study",
            "LogOptions": "log",
            "OldLogOptions": "world",
            "OutputOptions": "output",
            "Prices": "log",
            "ProofOptions": "bounds",
            "RequestArguments": "request",
            "SearchOptions": "study",
            "Signals": "log",
            "SimulatedRouterOptions": "days",
            "StudyOutputOptions": "output",
            "TrafficOptions": "days",
            "TunedDayOptions": "days",
            "Verbose": "output",
            "WorldOptions": "world",
            "collect_options": "collection",
            "group": "groups",
            "grouped": "groups",
        },
    )

__all__ = [
    "AnswerOptions",
    "AskingOptions",
    "BatchOptions",
    "BoundOptions",
    "CandidateOptions",
    "Columns",
    "CompleteLogOptions",
    "DayOptions",
    "EndpointOptions",
    "Executor",
    "Json",
    "KindOptions",
    "LogOptions",
    "OldLogOptions",
    "OutputOptions",
    "Prices",
    "ProofOptions",
    "RequestArguments",
    "SearchOptions",
    "Signals",
    "SimulatedRouterOptions",
    "StudyOutputOptions",
    "TrafficOptions",
    "TunedDayOptions",
    "Verbose",
    "WorldOptions",
    "collect_options",
    "group",
    "grouped",
]
