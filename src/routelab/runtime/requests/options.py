"""Options of one request, checked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import msgspec
from msgspec import structs

from routelab.core import Message, Request
from routelab.core.messages import is_number, nearest, value_text
from routelab.errors import RequestError
from routelab.runtime.calls import Sending
from routelab.runtime.requests.request_ids import new_request_id
from routelab.runtime.trace_context import TraceContext
from routelab.runtime.wire import REQUEST_ID, header_value

Messages: TypeAlias = str | Sequence[Message]
"""A prompt, or chat messages in the OpenAI form."""

_SPECIAL = frozenset({"messages", "model", "stream", "stream_options"})
"""Fields of a body that are looked at before they are passed on."""


if TYPE_CHECKING:
    from msgspec import StructMeta
else:
    StructMeta = type(msgspec.Struct)  # older ones export no name


class _NoFieldError(RequestError, TypeError):
    """A name that is no field, which Python calls an error of types."""


class _NamesChecked(StructMeta):
    """Has a field's misspelt name told as one, where msgspec names the argument alone."""

    if not TYPE_CHECKING:  # which knows the fields

        def __call__(self, *args: Any, **given: Any) -> Any:
            if unknown := [name for name in given if name not in self.__struct_fields__]:
                raise _NoFieldError(*(_no_field(self.__name__, it, given[it]) for it in unknown))
            return super().__call__(*args, **given)


class RequestOptions(msgspec.Struct, frozen=True, kw_only=True, metaclass=_NamesChecked):
    """What a caller asks for one request besides its messages; every field may be left out.

    `router.route(prompt, task="maths", temperature=0)` is short for
    `router.route(prompt, RequestOptions(task="maths", parameters={"temperature": 0}))`.

    >>> from routelab.runtime import RequestOptions
    >>> options = RequestOptions(task="maths", max_cost_usd=0.01, deadline_s=5.0, needs=("tools",))
    >>> RequestOptions(needs="tools")
    Traceback (most recent call last):
    routelab.errors.RequestError: needs='tools': write a list of capabilities, such as ["tools"]

    Attributes:
        id: sent as `x-request-id`; the key of the policy's random draws, a fresh one if None.
        task: a benchmark, use case or route.
        tenant, priority: who asks, and how urgently.
        needs: capabilities that the answering model must have, for example "tools".
        max_cost_usd: no call is made that is predicted to bring the cost above it; None for no
            limit, which math.inf becomes too.
        deadline_s: seconds from the request on; no call is made that is predicted to end later,
            and what still runs then is cut off; None for no limit, which math.inf becomes too.
        parameters: of the request body, such as `temperature`, passed on as they are; a copy of
            what is given, so that later changes to that do nothing.
        trace_context: the trace that the request belongs to; endpoints hear of it in headers, never
            in the body.
    Raises:
        RequestError: values are malformed, or names are no fields, which is a TypeError too;
            names everything that is.
            `changed` takes other names too, as `router.route` does: as parameters, and tells those
            that were likely meant as fields.
    """

    id: str | None = None
    task: str = ""
    tenant: str = ""
    priority: str = ""
    needs: Sequence[str] = ()
    max_cost_usd: float | None = None
    deadline_s: float | None = None
    parameters: Mapping[str, Any] = {}
    trace_context: TraceContext | None = None

    def __post_init__(self) -> None:
        key, parameters = self.id, self.parameters
        if (  # a question that most requests pass, before each is looked at
            type(self.task) is type(self.tenant) is type(self.priority) is str
            and (key is None or type(key) is str)
            and type(self.needs) is tuple
            and not self.needs
            and self.max_cost_usd is None
            and self.deadline_s is None
            and type(parameters) is dict
            and (self.trace_context is None or type(self.trace_context) is TraceContext)
            and _SPECIAL.isdisjoint(parameters)
        ):
            if parameters:
                structs.force_setattr(self, "parameters", parameters.copy())
            return
        problems = (
            *_of_texts(
                id="" if key is None else key,
                task=self.task,
                tenant=self.tenant,
                priority=self.priority,
            ),
            *_of_needs(self.needs),
            *_of_bounds(max_cost_usd=self.max_cost_usd, deadline_s=self.deadline_s),
            *_of_parameters(parameters),
            *_of_trace(self.trace_context),
        )
        if problems:
            raise RequestError(*problems)
        structs.force_setattr(self, "parameters", dict(parameters))
        for name in ("max_cost_usd", "deadline_s"):
            if getattr(self, name) == math.inf:
                structs.force_setattr(self, name, None)

    @classmethod
    def of(cls, request: Request) -> Self:
        """Everything of a logged request but its messages."""
        return cls(
            id=request.id,
            task=request.task,
            tenant=request.tenant,
            priority=request.priority,
            needs=request.needs,
            max_cost_usd=request.max_cost_usd,
            deadline_s=request.deadline_s,
        )

    def changed(self, **given: Any) -> Self:
        """These options with others in their place.

        Args:
            given: fields; any other name is a parameter, added to those there are.
        Raises:
            RequestError: a value is malformed, or a name is no field but was likely meant as one.
        """
        return _changed(self, given)


_FIELDS = frozenset(RequestOptions.__struct_fields__)
_NONE = RequestOptions()
_Options = TypeVar("_Options", bound=RequestOptions)


def _changed(options: _Options, given: Mapping[str, Any]) -> _Options:
    fields: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    slips: tuple[str, ...] = ()
    for name, value in given.items():
        if name in _FIELDS:
            fields[name] = value
        else:
            parameters[name] = value
            if (meant := _meant(name)) is not None:
                slips += (_SLIP.format(name=name, value=value_text(value), meant=meant),)
    if parameters:
        others = fields.get("parameters", options.parameters)
        if not others:
            fields["parameters"] = parameters
        elif isinstance(others, Mapping):  # else it is told as malformed
            fields["parameters"] = {**others, **parameters}
    if not slips:
        return structs.replace(options, **fields)
    try:
        structs.replace(options, **fields)
    except RequestError as error:
        slips += error.problems
    raise RequestError(*slips)


def sending(
    messages: Messages, options: RequestOptions | None, given: Mapping[str, Any]
) -> Sending:
    """A request as `AsyncRouter.route` takes it.

    Args:
        messages: a prompt, or a list of chat messages.
        options: what is asked for besides; None for nothing.
        given: fields of options and parameters, which go before those of `options`.
    Raises:
        RequestError: it is malformed; names everything that is.
    """
    problems: tuple[str, ...] = ()
    if options is None:
        options = _NONE
    elif not isinstance(options, RequestOptions):
        problems = (
            f"options={value_text(options)}: give RequestOptions(...); a field of the body that is"
            ' called options goes into parameters={"options": ...}',
        )
        options = _NONE
    if given:
        try:
            options = _changed(options, given)
        except RequestError as error:
            problems += error.problems
    if isinstance(messages, str):
        messages = ({"role": "user", "content": messages},)
    else:
        problems += tuple(_of_messages(messages))
    if problems:
        raise RequestError(*problems)
    request = Request(
        id=options.id or new_request_id(),
        messages=tuple(messages),
        task=options.task,
        tenant=options.tenant,
        priority=options.priority,
        needs=tuple(options.needs),
        max_cost_usd=options.max_cost_usd,
        deadline_s=options.deadline_s,
    )
    headers = {REQUEST_ID: header_value(options.id)} if options.id else {}
    return Sending(request, options.parameters, headers, context=options.trace_context)


def _of_texts(**texts: object) -> Iterator[str]:
    for name, text in texts.items():
        if not isinstance(text, str):
            yield f"{name}={value_text(text)}: write a text, or leave it out"


def _of_needs(needs: object) -> Iterator[str]:
    if (
        isinstance(needs, str)
        or not isinstance(needs, Sequence)
        or not all(isinstance(need, str) for need in needs)
    ):
        yield f'needs={value_text(needs)}: write a list of capabilities, such as ["tools"]'


def _of_bounds(**bounds: object) -> Iterator[str]:
    for name, limit in bounds.items():
        if limit is not None and not (is_number(limit) and limit >= 0.0):
            said = value_text(limit)
            yield f"{name}={said}: a bound is a number and not negative; leave it out for none"


def _of_trace(trace: object) -> Iterator[str]:
    if not isinstance(trace, TraceContext | None):
        yield f"trace_context={value_text(trace)}: give a TraceContext, or leave it out"


def _of_messages(messages: object) -> Iterator[str]:
    if not isinstance(messages, Sequence) or not messages:
        yield "messages must be a prompt or a list with at least one message"
        return
    for at, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            yield (
                f"messages[{at}]={value_text(message)}: a message is an object with a role,"
                ' such as {"role": "user", "content": "..."}'
            )


_SLIPS = {
    "deadline": "deadline_s",
    "max_cost": "max_cost_usd",
    "need": "needs",
}
"""What is no field of a request, and the option that was meant."""


_SLIP = (
    "{name}={value}: there is no such option; it is called {meant}. A field of the body with this"
    " name goes into parameters={{{name!r}: ...}}"
)


def _no_field(options: str, name: str, value: object) -> str:
    """A name that is no field: what was likely meant, and where fields of the body go."""
    if (meant := _meant(name)) is not None:
        return _SLIP.format(name=name, value=value_text(value), meant=meant)
    return (
        f"{name}={value_text(value)}: {options} has no such field; it has"
        f" {', '.join(RequestOptions.__struct_fields__)}. A field of the body goes into"
        f" parameters={{{name!r}: ...}}"
    )


@lru_cache(1024)  # every request of a program has the same few names
def _meant(name: str) -> str | None:
    """The option that a parameter's name was likely meant to be."""
    longer = sorted(_FIELDS - {"id"})  # to which "uid" is as near as what was meant for it
    return _SLIPS.get(name) or nearest(name, longer, 0.8)


def _of_parameters(parameters: object) -> Iterator[str]:
    if not isinstance(parameters, Mapping):
        yield f'parameters={value_text(parameters)}: write an object, such as {{"temperature": 0}}'
        return
    if "model" in parameters:
        yield f"model={value_text(parameters['model'])}: the policy chooses the model; leave it out"
    if "messages" in parameters:
        yield "messages: give them as the first argument, not as a parameter"
    if not isinstance(options := parameters.get("stream_options", {}), Mapping | None):
        yield f"stream_options={value_text(options)}: write an object, or leave it out"
    if parameters.get("stream"):
        yield "stream=True: leave it out and use router.stream(...)"
