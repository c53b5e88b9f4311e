"""Policies that decide ahead, and what LiteLLM says of the requests that they decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serve_world import MODELS, saved

from routelab.core.catalogue import Catalogue
from routelab.policies import Fixed, Mixture

DRAWN = Mixture(Fixed("small-8b"), Fixed("frontier"), 0.25)


def drawn_policy(folder: Path, catalogue: Catalogue) -> Path:
    """A policy that draws one of two models."""
    return saved(folder / "drawn.policy", DRAWN, catalogue)


def model_list(url: str) -> list[dict[str, Any]]:
    """A LiteLLM deployment of every model, and a group "routelab" that the policy decides for."""
    groups = {"routelab": "medium-70b", **{name: name for name in MODELS}}
    return [
        {
            "model_name": group,
            "litellm_params": {
                "model": f"openai/{model}",
                "api_base": url,
                "api_key": "none",
                "input_cost_per_token": 1e-6,
                "output_cost_per_token": 2e-6,
            },
        }
        for group, model in groups.items()
    ]


def payload(**more: Any) -> dict[str, Any]:
    """What LiteLLM logs of a request that a model of a group answered."""
    usual = {
        "id": "chatcmpl-1",
        "litellm_call_id": "call-1",
        "call_type": "acompletion",
        "stream": None,
        "response_cost": 0.25,
        "model": "openai/small-8b",
        "model_id": "deployment-1",
        "model_group": "small-8b",
        "custom_llm_provider": "openai",
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "startTime": 100.0,
        "completionStartTime": 100.5,
        "endTime": 102.0,
        "cache_hit": None,
        "messages": [{"role": "user", "content": "What is 2 + 2?"}],
        "response": {"choices": [{"index": 0, "message": {"content": "Four."}}]},
        "metadata": {"user_api_key_team_id": "search", "routing_decision": None},
    }
    return usual | more
