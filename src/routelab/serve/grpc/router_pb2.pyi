from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChatMessage(_message.Message):
    __slots__ = ("role", "content", "json")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    role: str
    content: str
    json: str
    def __init__(self, role: _Optional[str] = ..., content: _Optional[str] = ..., json: _Optional[str] = ...) -> None: ...

class RouteRequest(_message.Message):
    __slots__ = ("model", "messages", "task", "priority", "needs", "max_cost_usd", "parameters", "body")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    NEEDS_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_USD_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    model: str
    messages: _containers.RepeatedCompositeFieldContainer[ChatMessage]
    task: str
    priority: str
    needs: _containers.RepeatedScalarFieldContainer[str]
    max_cost_usd: float
    parameters: str
    body: str
    def __init__(self, model: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[ChatMessage, _Mapping]]] = ..., task: _Optional[str] = ..., priority: _Optional[str] = ..., needs: _Optional[_Iterable[str]] = ..., max_cost_usd: _Optional[float] = ..., parameters: _Optional[str] = ..., body: _Optional[str] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("prompt_tokens", "completion_tokens")
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    prompt_tokens: int
    completion_tokens: int
    def __init__(self, prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ...) -> None: ...

class CallMade(_message.Message):
    __slots__ = ("model", "cost_usd", "latency_s", "failed", "rejected", "signals", "threshold")
    class SignalsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    LATENCY_S_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    model: str
    cost_usd: float
    latency_s: float
    failed: bool
    rejected: _containers.RepeatedScalarFieldContainer[str]
    signals: _containers.ScalarMap[str, float]
    threshold: float
    def __init__(self, model: _Optional[str] = ..., cost_usd: _Optional[float] = ..., latency_s: _Optional[float] = ..., failed: _Optional[bool] = ..., rejected: _Optional[_Iterable[str]] = ..., signals: _Optional[_Mapping[str, float]] = ..., threshold: _Optional[float] = ...) -> None: ...

class RouteReply(_message.Message):
    __slots__ = ("decision", "policy", "model", "text", "cost_usd", "calls", "usage", "body")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    decision: str
    policy: str
    model: str
    text: str
    cost_usd: float
    calls: _containers.RepeatedCompositeFieldContainer[CallMade]
    usage: Usage
    body: str
    def __init__(self, decision: _Optional[str] = ..., policy: _Optional[str] = ..., model: _Optional[str] = ..., text: _Optional[str] = ..., cost_usd: _Optional[float] = ..., calls: _Optional[_Iterable[_Union[CallMade, _Mapping]]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., body: _Optional[str] = ...) -> None: ...

class RoutePiece(_message.Message):
    __slots__ = ("text", "body", "end")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    text: str
    body: str
    end: RouteReply
    def __init__(self, text: _Optional[str] = ..., body: _Optional[str] = ..., end: _Optional[_Union[RouteReply, _Mapping]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("response", "signals", "cost_usd", "latency_s", "error", "model")
    class SignalsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    COST_USD_FIELD_NUMBER: _ClassVar[int]
    LATENCY_S_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    response: str
    signals: _containers.ScalarMap[str, float]
    cost_usd: float
    latency_s: float
    error: str
    model: str
    def __init__(self, response: _Optional[str] = ..., signals: _Optional[_Mapping[str, float]] = ..., cost_usd: _Optional[float] = ..., latency_s: _Optional[float] = ..., error: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class DecideRequest(_message.Message):
    __slots__ = ("request", "token", "outcomes")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    request: RouteRequest
    token: str
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    def __init__(self, request: _Optional[_Union[RouteRequest, _Mapping]] = ..., token: _Optional[str] = ..., outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ...) -> None: ...

class CallToMake(_message.Message):
    __slots__ = ("model", "need", "final")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NEED_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    model: str
    need: _containers.RepeatedScalarFieldContainer[str]
    final: bool
    def __init__(self, model: _Optional[str] = ..., need: _Optional[_Iterable[str]] = ..., final: _Optional[bool] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("target", "model", "base_url", "extra_body")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    BASE_URL_FIELD_NUMBER: _ClassVar[int]
    EXTRA_BODY_FIELD_NUMBER: _ClassVar[int]
    target: str
    model: str
    base_url: str
    extra_body: str
    def __init__(self, target: _Optional[str] = ..., model: _Optional[str] = ..., base_url: _Optional[str] = ..., extra_body: _Optional[str] = ...) -> None: ...

class DecideReply(_message.Message):
    __slots__ = ("decision", "policy", "policy_sha256", "action", "calls", "until", "propensity", "targets", "token", "deliver_call", "deliver_model", "body")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_SHA256_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    DELIVER_CALL_FIELD_NUMBER: _ClassVar[int]
    DELIVER_MODEL_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    decision: str
    policy: str
    policy_sha256: str
    action: str
    calls: _containers.RepeatedCompositeFieldContainer[CallToMake]
    until: str
    propensity: float
    targets: _containers.RepeatedCompositeFieldContainer[Target]
    token: str
    deliver_call: int
    deliver_model: str
    body: str
    def __init__(self, decision: _Optional[str] = ..., policy: _Optional[str] = ..., policy_sha256: _Optional[str] = ..., action: _Optional[str] = ..., calls: _Optional[_Iterable[_Union[CallToMake, _Mapping]]] = ..., until: _Optional[str] = ..., propensity: _Optional[float] = ..., targets: _Optional[_Iterable[_Union[Target, _Mapping]]] = ..., token: _Optional[str] = ..., deliver_call: _Optional[int] = ..., deliver_model: _Optional[str] = ..., body: _Optional[str] = ...) -> None: ...

class FeedbackRequest(_message.Message):
    __slots__ = ("decision", "quality", "model", "source")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    decision: str
    quality: float
    model: str
    source: str
    def __init__(self, decision: _Optional[str] = ..., quality: _Optional[float] = ..., model: _Optional[str] = ..., source: _Optional[str] = ...) -> None: ...

class FeedbackReply(_message.Message):
    __slots__ = ("decision", "quality", "joined")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    decision: str
    quality: float
    joined: bool
    def __init__(self, decision: _Optional[str] = ..., quality: _Optional[float] = ..., joined: _Optional[bool] = ...) -> None: ...
