"""Graders: what an answer is worth, by pure functions of it. A new kind is one file and one line.

Other packages bring kinds by entry points of the group `routelab.graders`. Judges, which call
models, are none: they cost money and err.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.graders.agreement_table import RIGHT, GraderAgreement, agreements, kappa
    from routelab.graders.answer_status import AnswerStatus
    from routelab.graders.exact_match import ExactMatch
    from routelab.graders.function_grade import FunctionGrade
    from routelab.graders.grader import Case, Grader, code_in
    from routelab.graders.json_fit import JsonFit
    from routelab.graders.json_match import JsonMatch
    from routelab.graders.multiple_choice import MultipleChoice
    from routelab.graders.normalised_match import NormalisedMatch, normalised_text
    from routelab.graders.numeric_match import NumericMatch
    from routelab.graders.panel import NOT_ANSWERS, PanelGrade, check_panel, grade_answer
    from routelab.graders.pattern_search import PatternSearch
    from routelab.graders.quality_scale import QualityScale
    from routelab.graders.registry import KINDS, REGISTRY, grader_of
    from routelab.graders.sql_result import SqlResult
    from routelab.graders.substring import Substring
    from routelab.graders.token_f1 import TokenF1
    from routelab.graders.unit_tests import UnitTests
    from routelab.graders.user_feedback import UserFeedback
else:  # the process of the sandbox imports none of it
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AnswerStatus": "answer_status",
            "Case": "grader",
            "ExactMatch": "exact_match",
            "FunctionGrade": "function_grade",
            "Grader": "grader",
            "GraderAgreement": "agreement_table",
            "JsonFit": "json_fit",
            "JsonMatch": "json_match",
            "KINDS": "registry",
            "MultipleChoice": "multiple_choice",
            "NOT_ANSWERS": "panel",
            "NormalisedMatch": "normalised_match",
            "NumericMatch": "numeric_match",
            "PanelGrade": "panel",
            "PatternSearch": "pattern_search",
            "QualityScale": "quality_scale",
            "REGISTRY": "registry",
            "RIGHT": "agreement_table",
            "SqlResult": "sql_result",
            "Substring": "substring",
            "TokenF1": "token_f1",
            "UnitTests": "unit_tests",
            "UserFeedback": "user_feedback",
            "agreements": "agreement_table",
            "check_panel": "panel",
            "code_in": "grader",
            "grade_answer": "panel",
            "grader_of": "registry",
            "kappa": "agreement_table",
            "normalised_text": "normalised_match",
        },
    )

__all__ = [
    "KINDS",
    "NOT_ANSWERS",
    "REGISTRY",
    "RIGHT",
    "AnswerStatus",
    "Case",
    "ExactMatch",
    "FunctionGrade",
    "Grader",
    "GraderAgreement",
    "JsonFit",
    "JsonMatch",
    "MultipleChoice",
    "NormalisedMatch",
    "NumericMatch",
    "PanelGrade",
    "PatternSearch",
    "QualityScale",
    "SqlResult",
    "Substring",
    "TokenF1",
    "UnitTests",
    "UserFeedback",
    "agreements",
    "check_panel",
    "code_in",
    "grade_answer",
    "grader_of",
    "kappa",
    "normalised_text",
]
