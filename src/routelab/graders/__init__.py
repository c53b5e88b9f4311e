"""Graders: what an answer is worth, by pure functions of it. A new kind is one file and one line.

Other packages bring kinds by entry points of the group `routelab.graders`. Judges, which call
models, are none: they cost money and err.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.graders.agreement_table import RIGHT, GraderAgreement, agreements, kappa
    from routelab.graders.answer_status import CUT_FINISHES, AnswerStatus
    from routelab.graders.grader import Case, Grader, code_in
    from routelab.graders.kinds import (
        ExactMatch,
        FunctionGrade,
        JsonFit,
        JsonMatch,
        MultipleChoice,
        NormalisedMatch,
        NumericMatch,
        PatternSearch,
        QualityScale,
        SqlResult,
        Substring,
        TokenF1,
        UnitTests,
        UserFeedback,
        normalised_text,
    )
    from routelab.graders.panel import NOT_ANSWERS, PanelGrade, check_panel, grade_answer
    from routelab.graders.references import REFERENCE_COLUMNS, cell_text, references_of
    from routelab.graders.registry import KINDS, REGISTRY, grader_of
else:  # the process of the sandbox imports none of it
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AnswerStatus": "answer_status",
            "CUT_FINISHES": "answer_status",
            "Case": "grader",
            "ExactMatch": "kinds",
            "FunctionGrade": "kinds",
            "Grader": "grader",
            "GraderAgreement": "agreement_table",
            "JsonFit": "kinds",
            "JsonMatch": "kinds",
            "KINDS": "registry",
            "MultipleChoice": "kinds",
            "NOT_ANSWERS": "panel",
            "NormalisedMatch": "kinds",
            "NumericMatch": "kinds",
            "PanelGrade": "panel",
            "PatternSearch": "kinds",
            "QualityScale": "kinds",
            "REFERENCE_COLUMNS": "references",
            "REGISTRY": "registry",
            "RIGHT": "agreement_table",
            "SqlResult": "kinds",
            "Substring": "kinds",
            "TokenF1": "kinds",
            "UnitTests": "kinds",
            "UserFeedback": "kinds",
            "agreements": "agreement_table",
            "cell_text": "references",
            "check_panel": "panel",
            "code_in": "grader",
            "grade_answer": "panel",
            "grader_of": "registry",
            "kappa": "agreement_table",
            "normalised_text": "kinds",
            "references_of": "references",
        },
    )

__all__ = [
    "CUT_FINISHES",
    "KINDS",
    "NOT_ANSWERS",
    "REFERENCE_COLUMNS",
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
    "cell_text",
    "check_panel",
    "code_in",
    "grade_answer",
    "grader_of",
    "kappa",
    "normalised_text",
    "references_of",
]
