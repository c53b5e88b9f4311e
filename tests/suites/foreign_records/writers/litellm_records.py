"""LiteLLM: payloads of its standard logging, and the rows that its proxy makes of the calls."""

from __future__ import annotations

import asyncio
import json
import os

for name in ("MODEL_COST_MAP", "ANTHROPIC_BETA_HEADERS", "AUTOROUTER_PRESETS", "BLOG_POSTS"):
    os.environ[f"LITELLM_LOCAL_{name}"] = "True"  # else it asks the network

import litellm  # noqa: E402
from asked import KEY, MODELS, OUT, PROMPTS, REFUSED, URL, about  # noqa: E402
from litellm.integrations.custom_logger import CustomLogger  # noqa: E402
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload  # noqa: E402

CLAUDE = "claude-haiku-4-5-20251001"


class Recorder(CustomLogger):
    """Keeps what LiteLLM hands to its callbacks."""

    def __init__(self) -> None:
        super().__init__()
        self.payloads: list[object] = []
        self.rows: list[object] = []

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.payloads.append(kwargs["standard_logging_object"])
        self.rows.append(get_logging_payload(kwargs, response_obj, start_time, end_time))

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        """Rows of failures are made of what the proxy's own hook adds, and are not kept."""
        self.payloads.append(kwargs["standard_logging_object"])


def deployment(group: str, model: str, base: str) -> dict[str, object]:
    return {
        "model_name": group,
        "litellm_params": {"model": model, "api_base": base, "api_key": KEY, "max_retries": 0},
    }


async def main() -> None:
    recorder = Recorder()
    litellm.callbacks = [recorder]
    litellm.cache = litellm.Cache(type="local")
    router = litellm.Router(
        model_list=[
            deployment("small", f"openai/{MODELS[0]}", URL),
            deployment("large", f"openai/{MODELS[1]}", URL),
            deployment("other", f"anthropic/{CLAUDE}", URL.removesuffix("/v1")),
        ],
        num_retries=0,
    )
    asked_for = {it["model_name"]: it["litellm_params"]["model"] for it in router.model_list}
    charged = {}

    async def ask(group: str, prompt: str, **more: object) -> None:
        asked = [{"role": "user", "content": prompt}]
        try:
            found = await router.acompletion(model=group, messages=asked, **more)
        except litellm.BadRequestError:
            pass
        else:
            if more.get("stream"):
                chunks = [it async for it in found]
                found = litellm.stream_chunk_builder(chunks, messages=asked)
            charged[found.id] = litellm.completion_cost(found, model=asked_for[group])
        await asyncio.sleep(0.2)  # callbacks run in the background

    for group in ("small", "large", "other"):
        for prompt in PROMPTS:
            await ask(group, prompt)
    await ask("small", "What is 6 + 6?", stream=True, stream_options={"include_usage": True})
    await ask("large", REFUSED)
    await ask("small", "What is 7 + 7?", caching=True)
    await ask("small", "What is 7 + 7?", caching=True)
    judged = {"internal_call_origin": "shadow_eval_judge"}  # as its shadow evaluation marks calls
    await ask("large", "Grade: fine", metadata=judged)
    await asyncio.sleep(1.0)
    for name, kept in (("payloads", recorder.payloads), ("spend", recorder.rows)):
        with (OUT / f"{name}.jsonl").open("w") as file:
            file.writelines(f"{json.dumps(it, default=str)}\n" for it in kept)
    names = (*MODELS, "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", CLAUDE)
    prices = {it: litellm.model_cost[it] for it in names}
    (OUT / "model_prices.json").write_text(json.dumps(prices, indent=1) + "\n")
    about(("litellm", "openai"), charged=charged, total=sum(charged.values()))


asyncio.run(main())
