"""A policy in MLflow reads messages as a router does."""

from __future__ import annotations

import json

import pytest

from routelab.core.conversation import prompted

TALK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]


@pytest.mark.filterwarnings("ignore:.*Any type hint")  # MLflow's, of pandas' columns
def test_a_row_may_hold_messages_or_a_prompt():
    from routelab.tracking.decider import _request

    row = {"request_id": "r", "prompt": "Hello", "messages": json.dumps(TALK)}
    assert _request(row).messages == tuple(TALK)
    assert _request({**row, "messages": None}).messages == prompted("Hello")
    assert _request({"request_id": "r", "prompt": float("nan")}).messages is None
