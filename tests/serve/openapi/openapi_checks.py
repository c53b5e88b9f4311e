"""A check for schemathesis: what the schema allows is refused for what no schema can say alone."""

from __future__ import annotations

import schemathesis

BEYOND_SCHEMAS = {"no_model_allowed", "refused_by_model", "invalid_token", "outcomes_do_not_fit"}
"""Codes of requests that are well formed, and ask for what nobody can do."""
ACROSS = (
    "there is no message in it",
    "two tools have it",
    "two calls have it",
    "no function_call before",
    "has an output already",
    "reasoning stands before",
)
"""Rules that look from one item to another."""


@schemathesis.check
def well_formed_is_accepted(ctx, response, case):
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if positive and response.status_code == 400:
        error = response.json()["error"]
        of_another = case.path.endswith("/feedback") and error["param"] == "model"
        across = all(any(it in part for it in ACROSS) for part in error["message"].split("; "))
        assert error["code"] in BEYOND_SCHEMAS or of_another or across, error["message"]
