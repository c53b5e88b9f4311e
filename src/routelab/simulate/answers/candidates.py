"""Which of several candidates a request is for: the wire has the base's name and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routelab.core.catalogue import Model
from routelab.simulate.answers.replay_error import ReplayError

_LIMITS = ("max_completion_tokens", "max_tokens")


def asked_candidate(
    names: Sequence[str], models: Mapping[str, Model], body: Mapping[str, Any]
) -> str:
    """The one of several models of one name upstream whose parameters a request carries.

    Nothing but the request itself says so, as with a provider: a candidate is asked when each of
    its parameters is there, the one with most of them where several are; the base when none is.

    Args:
        names: that may be meant, at least one.
        models: what is known of them.
        body: of the request.
    Raises:
        ReplayError: 404 for parameters of none of them, 409 where several fit alike.
    """
    plain = [it for it in names if it not in models or models[it].parameters is None]
    having = {
        it: parameters
        for it in names
        if it in models and (parameters := models[it].parameters) is not None
    }
    if not having:
        return names[-1]
    fit = {name: n for name in having if (n := _carried(models[name], body)) is not None}
    if fit:
        best = [name for name, n in fit.items() if n == max(fit.values())]
        if len(best) == 1:
            return best[0]
        raise ReplayError(
            409, "ambiguous_candidate", f"the request may be for {' or '.join(best)}, by its limit"
        )
    named = {it for parameters in having.values() for it in parameters.fields if it not in _LIMITS}
    given = {it: body[it] for it in sorted(named) if body.get(it) is not None}
    if given or not plain:
        said = ", ".join(f"{name} {value!r:.60}" for name, value in given.items()) or "none of them"
        there = "; ".join(f"{it}: {_said(models[it])}" for it in having)
        raise ReplayError(
            404, "candidate_not_found", f"no candidate has the parameters asked, {said}: {there}"
        )
    return plain[0]


def own_limit(model: Model, body: Mapping[str, Any]) -> bool:
    """Whether the limit of tokens in a request is the candidate's, which its answers had too."""
    limit = None if model.parameters is None else model.parameters.output_limit
    return limit is not None and any(body.get(it) == limit for it in _LIMITS)


def _carried(model: Model, body: Mapping[str, Any]) -> int | None:
    """How many of a candidate's parameters a request carries; None if not all of them.

    A limit below the candidate's may be the request's own, which holds beside it.
    """
    parameters = model.parameters
    if parameters is None:
        return None
    count = 0
    for name, value in parameters.fields.items():
        if name not in _LIMITS:
            if body.get(name) != value:
                return None
            count += 2
    limit = parameters.output_limit
    if limit is not None:
        given = [it for name in _LIMITS if isinstance(it := body.get(name), int | float)]
        if not given or min(given) > limit:
            return None
        count += 2 if min(given) == limit else 1
    if parameters.prompt_prefix:
        if parameters.without_prefix(body.get("messages")) is None:
            return None
        count += 2
    return count


def _said(model: Model) -> str:
    parameters = model.parameters
    if parameters is None:
        return "none"
    given = [f"{name} {value!r}" for name, value in parameters.fields.items()]
    if parameters.prompt_prefix:
        given.append(f"prompt_prefix {parameters.prompt_prefix!r:.40}")
    return ", ".join(given)
