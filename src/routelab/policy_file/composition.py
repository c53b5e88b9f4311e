"""Several policy directories put together to one, none of whose scorers is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from routelab.core import CallEstimate, Policy, SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.errors import PolicyError
from routelab.policies import to_wire
from routelab.policy_file.card import policy_card
from routelab.policy_file.document import Document
from routelab.policy_file.files import check_target, write
from routelab.policy_file.golden import verify
from routelab.policy_file.policy_file import PolicyFile, check_loaded
from routelab.policy_file.renaming import ScorerParts, with_scorers
from routelab.scorers import load_scorers
from routelab.version import __version__


def compose(
    path: str | Path,
    build: Callable[..., Policy],
    *parts: PolicyFile,
    name: str | None = None,
    seed: int | None = None,
    catalogue: Catalogue | None = None,
) -> PolicyFile:
    """Write one policy that is made of others, with the scorers of all of them.

    Where two parts have a scorer, feature or tensor of one name that is not the same, all of the
    later part's get the prefix `2.`, `3.` and so on. Each part is then asked its own golden
    requests again, and must decide as before. Figures, certificates and verdicts of the parts do
    not hold for the whole: it has none, and its provenance tells what it was made from. The cut of
    the log is kept where all parts have the same one, so that its test part can be replayed.

    >>> import routelab
    >>> from routelab.policies import Mixture
    >>> from routelab.policy_file import compose
    >>> mine = routelab.load("mine.policy")
    >>> both = compose("both.policy", lambda a, b: Mixture(a, b, 0.5), mine, mine)
    >>> both.document.evaluation
    {}

    Args:
        path: of the directory to write; a policy directory there is replaced.
        build: is given the policy of each part, in order, and returns the whole.
        parts: loaded policy directories.
        name: for people and tables; default the name of the directory.
        seed: of every random draw; default that of the parts, which must then agree.
        catalogue: prices, capabilities and deployments of all candidates; default those of the
            parts, which must then agree.
    Raises:
        PolicyError: the parts disagree, or a scorer cannot be renamed; every problem is named.
        PolicyFileError: `path` is something else, or cannot be written.
    """
    path = Path(path)
    for part in parts:
        check_loaded("compose()", part)
    if not parts:
        raise PolicyError("compose() was given no `parts`: pass one or more loaded policies")
    check_target(path)
    _refuse_disagreement(parts, seed, catalogue)
    policies, held = _renamed(parts)
    policy = build(*policies)
    if not isinstance(policy, Policy):
        raise PolicyError(f"`build` returned {policy!r:.80}, which is no policy")
    named = name or path.name.removesuffix(".policy")
    document = _document(named, policy, parts, held, seed, catalogue)
    _check_parts(parts, policies, held, document.candidates)
    return write(path, document, policy_card(document), held.tensors)


def _document(
    name: str,
    policy: Policy,
    parts: Sequence[PolicyFile],
    held: ScorerParts,
    seed: int | None,
    catalogue: Catalogue | None,
) -> Document:
    """What `policy.json` says of the whole."""
    documents = [part.document for part in parts]
    splits = [it.split for it in documents]
    return Document(
        name=name,
        policy=to_wire(policy),
        candidates=tuple(dict.fromkeys(model for it in documents for model in it.candidates)),
        catalogue=catalogue or _catalogue(documents),
        signals=_signals(documents),
        scorers=held.scorers,
        features=held.features,
        estimates=_estimates(documents),
        seed=documents[0].seed if seed is None else seed,
        split=splits[0] if all(it == splits[0] for it in splits) else None,
        **_reading([part.document for part in parts if part.reads_text]),
        provenance={"routelab": __version__, "composed_of": [_told(part) for part in parts]},
    )


def _renamed(parts: Sequence[PolicyFile]) -> tuple[list[Policy], ScorerParts]:
    """The parts' policies, and the scorers of all, under names that tell them apart."""
    policies, held = list[Policy](), ScorerParts({}, {}, {})
    for at, part in enumerate(parts, 1):
        document, policy = part.document, part.policy
        own = ScorerParts(document.features, document.scorers, part.tensors)
        if held.clashes(own):
            prefix = f"{at}."
            own = own.prefixed(prefix)
            policy = with_scorers(policy, {it: f"{prefix}{it}" for it in document.scorers})
        if held.clashes(own):
            raise PolicyError(f"{part.path}: its scorers are named like those of another part")
        held |= own
        policies.append(policy)
    return policies, held


def _check_parts(
    parts: Sequence[PolicyFile],
    policies: Sequence[Policy],
    held: ScorerParts,
    candidates: Sequence[str],
) -> None:
    """Each part decides its golden requests as it did alone."""
    scoring = load_scorers(held.features, held.scorers, held.tensors, models=candidates)
    for part, policy in zip(parts, policies, strict=True):
        seed = part.document.seed
        alone = part.verify()
        if (found := verify(policy, seed, part.golden, scoring)) != alone:
            raise PolicyError(
                f"{part.path}: decides otherwise with the scorers of all parts in one file; rename"
                f" its scorers by hand ({found[0]})"
            )


def _refuse_disagreement(
    parts: Sequence[PolicyFile], seed: int | None, catalogue: Catalogue | None
) -> None:
    documents = [part.document for part in parts]
    problems = [
        f"signal {name!r} is read from {_source(one)} in {documents[0].name!r} or a later part,"
        f" and from {_source(other)} in {document.name!r}; a file has one of a name"
        for name, one, other, document in _differing(documents, lambda it: it.signals)
    ]
    if catalogue is None:
        problems += [
            f"model {name!r} has another entry in the catalogue of {document.name!r} (prices,"
            " capabilities or deployments); pass `catalogue` to say which holds"
            for name, _, _, document in _differing(documents, lambda it: it.catalogue.models)
        ]
        if any(it.catalogue.engine != documents[0].catalogue.engine for it in documents):
            problems.append(
                "the parts have other rules of the engine in their catalogues; pass `catalogue` to"
                " say which hold"
            )
    if seed is None and len(seeds := {it.seed for it in documents}) > 1:
        listed = ", ".join(map(str, sorted(seeds)))
        problems.append(f"the parts draw by seeds {listed}; pass `seed` to say which holds")
    reading = {part.document.reading for part in parts if part.reads_text}
    if len(reading) > 1:
        named = ", ".join(sorted(it or "every message (no `reads`)" for it in reading))
        problems.append(
            f"the parts read other messages of a request: {named}; tune them with one `reads`"
        )
    if problems:
        raise PolicyError(*problems)


def _reading(readers: Sequence[Document]) -> dict[str, Any]:
    """What the whole reads of messages, and what the log of every part that reads them held."""
    found: dict[str, Any] = {}
    if readers and readers[0].reading is not None:
        found["reads"] = readers[0].reading
    held = [it.known_kinds for it in readers]
    if held and (kinds := held[0].intersection(*held)):
        found["message_kinds"] = tuple(sorted(kinds))
    return found


def _differing(
    documents: Sequence[Document], field: Callable[[Document], Mapping[str, Any]]
) -> Iterator[tuple[str, Any, Any, Document]]:
    """What two documents say otherwise of one name, and which is the later."""
    seen: dict[str, Any] = {}
    for document in documents:
        for name, it in field(document).items():
            if seen.setdefault(name, it) != it:
                yield name, seen[name], it, document


def _source(spec: SignalSpec) -> str:
    return repr(spec)[:80]


def _catalogue(documents: Sequence[Document]) -> Catalogue:
    models = {name: it for one in documents for name, it in one.catalogue.models.items()}
    return msgspec.structs.replace(documents[0].catalogue, models=models)


def _signals(documents: Sequence[Document]) -> dict[str, SignalSpec]:
    return {name: spec for it in documents for name, spec in it.signals.items()}


def _estimates(documents: Sequence[Document]) -> dict[str, CallEstimate]:
    """Of each model the dearer and the slower estimate, so that no budget is overdrawn."""
    found: dict[str, CallEstimate] = {}
    for document in documents:
        for name, it in document.estimates.items():
            found[name] = _larger(found.get(name, it), it)
    return found


def _larger(one: CallEstimate, other: CallEstimate) -> CallEstimate:
    def most(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else max(a, b)

    return CallEstimate(
        **{
            field: most(getattr(one, field), getattr(other, field))
            for field in one.__struct_fields__
        }
    )


def _told(part: PolicyFile) -> dict[str, Any]:
    """Which policy a part was, and of which log."""
    made, document = part.document.provenance, part.document
    return {
        "name": document.name,
        "policy_sha256": part.digest,
        **{key: made[key] for key in ("log", "log_sha256") if key in made},
    }
