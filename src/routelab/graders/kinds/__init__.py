"""The kinds of graders, one a file."""

from routelab.graders.kinds.exact_match import ExactMatch
from routelab.graders.kinds.function_grade import FunctionGrade
from routelab.graders.kinds.json_fit import JsonFit
from routelab.graders.kinds.json_match import JsonMatch
from routelab.graders.kinds.multiple_choice import MultipleChoice
from routelab.graders.kinds.normalised_match import NormalisedMatch, normalised_text
from routelab.graders.kinds.numeric_match import NumericMatch
from routelab.graders.kinds.pattern_search import PatternSearch
from routelab.graders.kinds.quality_scale import QualityScale
from routelab.graders.kinds.sql_result import SqlResult
from routelab.graders.kinds.substring import Substring
from routelab.graders.kinds.token_f1 import TokenF1
from routelab.graders.kinds.unit_tests import UnitTests
from routelab.graders.kinds.user_feedback import UserFeedback

__all__ = [
    "ExactMatch",
    "FunctionGrade",
    "JsonFit",
    "JsonMatch",
    "MultipleChoice",
    "NormalisedMatch",
    "NumericMatch",
    "PatternSearch",
    "QualityScale",
    "SqlResult",
    "Substring",
    "TokenF1",
    "UnitTests",
    "UserFeedback",
    "normalised_text",
]
