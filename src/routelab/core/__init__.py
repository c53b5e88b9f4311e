"""The protocol between policies and the drivers that run them; no input or output."""

from routelab.core import packages
from routelab.core.admission import Admission, CallEstimate
from routelab.core.context import Context
from routelab.core.decision import Choice, Decision, Score, Step
from routelab.core.draw import pick, uniform
from routelab.core.flow import MAX_CALLS, cancelled, drive, flow
from routelab.core.gate import Gate
from routelab.core.options import KeywordOptions, misplaced
from routelab.core.packages import Package, normalised, use, use_listed
from routelab.core.policy import Child, Policy
from routelab.core.progress import Progress
from routelab.core.protocol import Attempt, Call, Deliver, Feedback, Message, Route, Together, ask
from routelab.core.registry import Registry, StructRegistry, tag_of
from routelab.core.request import Request
from routelab.core.scoring import ScorerUse, Scoring, reads_of, scorer_misfits
from routelab.core.signal_spec import SignalSpec
from routelab.core.table import AnswerQuery, Bools, Floats, Ints, LazyMapping, Stage, Table, objects
from routelab.core.tokens import ANSWER_LIMITS, estimated_tokens, tokens_of

__all__ = [
    "ANSWER_LIMITS",
    "MAX_CALLS",
    "Admission",
    "AnswerQuery",
    "Attempt",
    "Bools",
    "Call",
    "CallEstimate",
    "Child",
    "Choice",
    "Context",
    "Decision",
    "Deliver",
    "Feedback",
    "Floats",
    "Gate",
    "Ints",
    "KeywordOptions",
    "LazyMapping",
    "Message",
    "Package",
    "Policy",
    "Progress",
    "Registry",
    "Request",
    "Route",
    "Score",
    "ScorerUse",
    "Scoring",
    "SignalSpec",
    "Stage",
    "Step",
    "StructRegistry",
    "Table",
    "Together",
    "ask",
    "cancelled",
    "drive",
    "estimated_tokens",
    "flow",
    "misplaced",
    "normalised",
    "objects",
    "packages",
    "pick",
    "reads_of",
    "scorer_misfits",
    "tag_of",
    "tokens_of",
    "uniform",
    "use",
    "use_listed",
]
