"""Input items as the messages of a chat completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from routelab.serve.responses.problems import RequestProblems

REASONING = "reasoning_content"
"""Where messages of open models have what was thought; chat completions of OpenAI have none."""
_ROLES = ("user", "assistant", "system", "developer")
_DETAILS = ("auto", "low", "high")
_KNOWN: Mapping[str, tuple[str, ...]] = {
    "message": ("type", "id", "status", "role", "content"),
    "function_call": ("type", "id", "status", "call_id", "name", "arguments"),
    "function_call_output": ("type", "id", "status", "call_id", "output"),
    "reasoning": ("type", "id", "status", "summary", "content"),
}
"""Kinds of items, each with the fields that can be passed on or say nothing of their own."""


class ItemReader:
    """Puts messages together from items, as the answers of a model are several of these.

    Calls of tools belong to the message before them, and what was thought to the message or
    calls after it: in a chat completion the three are one message.

    Attributes:
        messages: so far.

    Args:
        problems: takes what is wrong.
    """

    def __init__(self, problems: RequestProblems) -> None:
        self.messages: list[dict[str, Any]] = []
        self._problems = problems
        self._thought: tuple[str, str] | None = None
        self._calls: set[str] = set()
        self._answered: set[str] = set()
        self._kinds: Mapping[str, Callable[[str, Mapping[str, Any]], None]] = {
            "message": self._message,
            "function_call": self._call,
            "function_call_output": self._output,
            "reasoning": self._reasoning,
        }

    def read(self, given: object) -> None:
        """Take the input of a request: a text or a list of items."""
        if isinstance(given, str):
            self.messages.append({"role": "user", "content": given})
            return
        if not isinstance(given, list) or not given:
            self._problems.add("input", "write a text or a list with at least one item")
            return
        before = len(self.messages)
        for place, item in self._problems.mappings("input", given):
            self._item(place, item)
        self._check_thought()
        if len(self.messages) == before:
            self._problems.add("input", "there is no message in it")

    def _item(self, place: str, item: Mapping[str, Any]) -> None:
        kind = item.get("type", "message")
        read = self._kinds.get(kind) if isinstance(kind, str) else None
        if read is None:
            known = ", ".join(self._kinds)
            self._problems.wrong(
                f"{place}.type", kind, f"it is not supported; items are {known} here"
            )
            return
        self._problems.only(place, item, _KNOWN[kind])
        if kind not in ("function_call", "message") or item.get("role", "assistant") != "assistant":
            self._check_thought()
        read(place, item)

    def _message(self, place: str, item: Mapping[str, Any]) -> None:
        role = item.get("role")
        if role not in _ROLES:
            self._problems.wrong(f"{place}.role", role, f"write one of {', '.join(_ROLES)}")
            role = "user"
        kinds = ANSWER_PARTS if role == "assistant" else INPUT_PARTS
        content = self._content(f"{place}.content", item.get("content"), kinds)
        if role == "assistant":
            self._append(content)
        else:
            self.messages.append({"role": role, "content": content})

    def _call(self, place: str, item: Mapping[str, Any]) -> None:
        name, arguments, key = (
            self._problems.text(f"{place}.{field}", item.get(field))
            for field in ("name", "arguments", "call_id")
        )
        if key in self._calls:
            self._problems.wrong(f"{place}.call_id", key, "two calls have it: give each its own")
        self._calls.add(key)
        last = self.messages[-1] if self.messages else {}
        if self._thought is not None or last.get("role") != "assistant":
            last = self._append(None)
        function = {"name": name, "arguments": arguments}
        call = {"id": key, "type": "function", "function": function}
        last.setdefault("tool_calls", []).append(call)

    def _output(self, place: str, item: Mapping[str, Any]) -> None:
        key = self._problems.text(f"{place}.call_id", item.get("call_id"))
        if key not in self._calls:
            self._problems.wrong(f"{place}.call_id", key, "no function_call before it has this id")
        elif key in self._answered:
            self._problems.wrong(f"{place}.call_id", key, "it has an output already")
        self._answered.add(key)
        content = self._content(f"{place}.output", item.get("output"), OUTPUT_PARTS)
        self.messages.append({"role": "tool", "tool_call_id": key, "content": content})

    def _reasoning(self, place: str, item: Mapping[str, Any]) -> None:
        if item.get("summary"):
            self._problems.add(
                f"{place}.summary", "summaries of another service say nothing to models here"
            )
        content = self._content(f"{place}.content", item.get("content", []), THOUGHT_PARTS)
        text = content if isinstance(content, str) else "".join(it["text"] for it in content)
        if text:
            self._thought = place, text

    def _append(self, content: object) -> dict[str, Any]:
        """A message of the model, with what it thought before."""
        message: dict[str, Any] = {"role": "assistant", "content": content}
        if self._thought is not None:
            message[REASONING] = self._thought[1]
            self._thought = None
        self.messages.append(message)
        return message

    def _check_thought(self) -> None:
        if self._thought is not None:
            self._problems.add(
                self._thought[0], "reasoning stands before the message or the calls it led to"
            )
            self._thought = None

    def _content(self, place: str, given: object, kinds: _Parts) -> Any:
        """A text as it is, and parts as a chat completion has them."""
        if isinstance(given, str):
            return given
        parts: list[dict[str, Any]] = []
        for at, part in self._problems.mappings(place, given):
            kind = part.get("type")
            found = kinds.get(kind) if isinstance(kind, str) else None
            if found is None:
                known = ", ".join(kinds)
                self._problems.wrong(
                    f"{at}.type", kind, f"it is not supported; parts are {known} here"
                )
                continue
            fields, read = found
            self._problems.only(at, part, ("type", *fields))
            parts.append(read(at, part, self._problems))
        if kinds is ANSWER_PARTS and len(parts) == 1 and parts[0]["type"] == "text":
            return parts[0]["text"]  # as the model wrote it
        return parts


_Part = Callable[[str, Mapping[str, Any], RequestProblems], dict[str, Any]]
_Parts = Mapping[str, tuple[tuple[str, ...], _Part]]


def _text(place: str, part: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    return {"type": "text", "text": problems.text(f"{place}.text", part.get("text"))}


def _refusal(place: str, part: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    return {"type": "refusal", "refusal": problems.text(f"{place}.refusal", part.get("refusal"))}


def _image(place: str, part: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    image = {"url": problems.text(f"{place}.image_url", part.get("image_url"))}
    if (detail := part.get("detail")) is not None:
        if detail not in _DETAILS:
            problems.wrong(f"{place}.detail", detail, f"write one of {', '.join(_DETAILS)}")
        image["detail"] = detail
    return {"type": "image_url", "image_url": image}


def _file(place: str, part: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    file = {"file_data": problems.text(f"{place}.file_data", part.get("file_data"))}
    if (name := part.get("filename")) is not None:
        file["filename"] = problems.text(f"{place}.filename", name)
    return {"type": "file", "file": file}


def _audio(place: str, part: Mapping[str, Any], problems: RequestProblems) -> dict[str, Any]:
    audio = problems.mapping(f"{place}.input_audio", part.get("input_audio"))
    return {"type": "input_audio", "input_audio": audio or {}}


_TEXT = (("text",), _text)
INPUT_PARTS: _Parts = {
    "input_text": _TEXT,
    "input_image": (("image_url", "detail"), _image),
    "input_file": (("file_data", "filename"), _file),
    "input_audio": (("input_audio",), _audio),
}
ANSWER_PARTS: _Parts = {
    "output_text": (("text", "annotations", "logprobs"), _text),
    "refusal": (("refusal",), _refusal),
}
OUTPUT_PARTS: _Parts = {"input_text": _TEXT}
THOUGHT_PARTS: _Parts = {"reasoning_text": _TEXT}
"""Kinds of parts, by where they stand, each with its fields."""
