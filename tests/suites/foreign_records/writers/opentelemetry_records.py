"""OpenTelemetry's SDK with GenAI as it is and as it was, Traceloop's names, and OpenInference.

Each is in a process of its own, as what is instrumented stays so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys

from asked import MODELS, OUT, PROMPTS, REFUSED, about

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
LATEST = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental", CAPTURE: "span_only"}
FORMS = {
    "gen_ai": ("opentelemetry.instrumentation.genai.openai", LATEST),
    "traceloop": ("opentelemetry.instrumentation.openai", {}),
    "openinference": ("openinference.instrumentation.openai", {}),
    "gen_ai_v2": ("opentelemetry.instrumentation.openai_v2", LATEST),
    "gen_ai_1_30": ("opentelemetry.instrumentation.openai_v2", {CAPTURE: "true"}),
}
"""The package that records each, and what it is told."""

PACKAGES = (
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-json-file",
    "opentelemetry-instrumentation-genai-openai",
    "opentelemetry-instrumentation-openai-v2",
    "opentelemetry-instrumentation-openai",
    "opentelemetry-util-genai",
    "openinference-instrumentation-openai",
    "openai",
)


def at_hand(form: str) -> bool:
    try:
        return importlib.util.find_spec(FORMS[form][0]) is not None
    except ModuleNotFoundError:
        return False


def record(form: str) -> None:
    import openai
    from opentelemetry.exporter.otlp.json.file import FileSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider(resource=Resource({"service.name": "sums"}))
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path=OUT / f"{form}.jsonl")))
    package = importlib.import_module(FORMS[form][0])
    package.OpenAIInstrumentor().instrument(tracer_provider=provider)
    tracer, client = provider.get_tracer("sums"), openai.OpenAI(max_retries=0)
    for model in MODELS:
        for prompt in (*PROMPTS, REFUSED):
            with tracer.start_as_current_span("answer") as span:
                span.set_attribute("openinference.span.kind", "CHAIN")
                messages = [{"role": "user", "content": prompt}]
                with contextlib.suppress(openai.BadRequestError):
                    client.chat.completions.create(model=model, messages=messages)
    streamed = client.chat.completions.create(
        model=MODELS[0],
        messages=[{"role": "user", "content": "What is 6 + 6?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    assert list(streamed)
    client.responses.create(model=MODELS[1], input="What is 8 + 8?")
    client.embeddings.create(model="text-embedding-3-small", input="no chat")
    provider.shutdown()


if len(sys.argv) > 3:
    record(sys.argv[3])
else:
    for name in filter(at_hand, FORMS):
        more = FORMS[name][1]
        subprocess.run([sys.executable, *sys.argv, name], env=os.environ | more, check=True)
    about(PACKAGES)
