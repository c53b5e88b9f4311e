"""Write and load a policy directory; loading runs no code and trusts no file unseen."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from routelab import signals
from routelab.core import Policy, SignalSpec, scorer_misfits, use_listed
from routelab.core.catalogue import engine_rule_problems, value_problems
from routelab.core.conversation import READS
from routelab.core.messages import shown
from routelab.core.storage import limits, raised, read_bounded
from routelab.errors import MissingExtraError, PolicyError, PolicyFileError
from routelab.gates import shared_effort
from routelab.policies import from_wire
from routelab.policy_file import origins
from routelab.policy_file.bounds import check_counts, check_depth, check_tensors
from routelab.policy_file.document import SCHEMA, Document
from routelab.policy_file.golden import Golden, golden_decisions
from routelab.policy_file.policy_file import MAIN, PolicyFile, Tensors
from routelab.scorers import ScorerSet, load_scorers

WEIGHTS, GOLDEN, CARD = _OTHERS = ("weights.safetensors", "golden.jsonl", "card.md")


def write(path: Path, document: Document, card: str, tensors: Tensors | None = None) -> PolicyFile:
    """Write a policy directory, replacing one that is there at once.

    The golden decisions are made from the policy; hashes of all files are filled in. Where the
    document was loaded and then changed, what was measured and proved of the policy as it was
    (`evaluation`, `certificate`) is left out, and the card is made anew.

    Args:
        path: of the directory; one that holds anything else is refused.
        document: what `policy.json` says.
        card: Markdown for people, `card.md`.
        tensors: by name, what the document's scorers and features read.
    Raises:
        PolicyFileError: `path` exists and is no policy directory, or cannot be written; or a
            scorer lacks what it needs.
        PolicyError: the document does not hang together.
    """
    # Slow, and who loads writes nothing.
    from safetensors.numpy import save as tensor_bytes

    from routelab.policy_file.atomic import replace_directory
    from routelab.policy_file.card import policy_card

    check_target(path)
    check_counts(document)
    policy = _checked(document)
    if _is_changed(document):
        document = msgspec.structs.replace(document, evaluation={}, certificate=None)
        card = policy_card(document)
    if foreign := origins.origins(document, policy):
        document = msgspec.structs.replace(document, packages=foreign)
    scoring = _scoring(document, policy, tensors or {})
    expected = golden_decisions(policy, document.seed, scoring, values=_known_values(document))
    files = {
        WEIGHTS: tensor_bytes(dict(tensors or {})),
        GOLDEN: b"".join(msgspec.json.encode(item) + b"\n" for item in expected),
        CARD: card.encode(),
    }
    hashes = {name: _sha256(content) for name, content in files.items()}
    hashes[MAIN] = _said_sha256(msgspec.json.encode(document))
    document = msgspec.structs.replace(document, files=hashes)
    main = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    replace_directory(path, {MAIN: main, **files})
    return load(path)


def check_target(path: Path) -> None:
    """Refuse to replace anything but a policy directory.

    Raises:
        PolicyFileError: `path` is a file, or a directory with something else in it.
    """
    held = {file.name for file in path.iterdir()} if path.is_dir() else set()
    if path.is_file() or (held and MAIN not in held):
        raise PolicyFileError(
            f"{path}: exists and is no policy directory; choose another name, or move it away"
        )
    if others := held - {MAIN, *_OTHERS}:
        raise PolicyFileError(
            f"{path}: holds {', '.join(sorted(others))} beside a policy, which replacing it would"
            " delete; choose another name, or move it away"
        )


def load(path: str | Path, *, packages: Sequence[str] = ()) -> PolicyFile:
    """Load and check a policy directory.

    >>> import routelab
    >>> policy_file = routelab.load("mine.policy")
    >>> policy_file.policy.models_used
    ('medium-70b', 'code-expert', 'frontier')
    >>> policy_file.verify()  # decides as it did when it was written
    []

    Args:
        packages: that bring kinds the policy names, and whose code may run; they stay in use
            (`routelab.core.packages`). No other package is imported.
    Raises:
        PackageError: such a package is not installed, or brings what does not fit.
        PolicyFileError: not a policy directory, a wrong hash, an unknown field, a schema
            newer than this version, or a policy that does not hang together.
        MissingExtraError: it needs a package that is not installed.
    """
    use_listed(packages)
    path = Path(path)
    for left in reversed(range(_TRIES)):
        main = _read(path, MAIN)
        try:
            return _load(path, main)
        except PolicyFileError:
            if not left or _read(path, MAIN) == main:  # else it was replaced meanwhile
                raise
        except RecursionError as error:
            raise PolicyFileError(
                f"{path / MAIN}: policies are nested too deep in policies to be read here, where"
                f" Python is {_depth()} calls deep already; nest fewer"
            ) from error
    raise PolicyFileError(f"{path}: was replaced {_TRIES} times while it was read; load it again")


_TRIES = 5
"""Reads of a directory that is replaced again and again while it is read."""


def _depth() -> int:
    return len(inspect.stack(0))


def _load(path: Path, main: bytes) -> PolicyFile:
    check_depth(main, str(path / MAIN))
    document = _decode(path, main)
    if unknown := sorted(document.files.keys() - {MAIN, *_OTHERS}):
        raise PolicyFileError(
            f"{path / MAIN}: lists {', '.join(shown(repr(it)) for it in unknown[:5])}, which no"
            " policy has"
        )
    contents = {name: _read(path, name) for name in document.files if name != MAIN}
    wrong = [
        f"{path / name}: its SHA-256 is not the one {MAIN} gives; the file was changed or cut"
        " after the policy was written: restore it, or tune again"
        for name, content in contents.items()
        if _sha256(content) != document.files[name]
    ]
    wrong += [
        f"{path / MAIN}: lists no SHA-256 for {name}"
        for name in _OTHERS
        if name not in document.files
    ]
    if wrong:
        raise PolicyFileError(*wrong)
    try:
        check_counts(document)
        origins.check(document)
        with shared_effort():
            policy = _checked(document)
        tensors = _tensors(contents[WEIGHTS])
        scoring = _scoring(document, policy, tensors)
        expected = _golden(contents[GOLDEN])
    except (PolicyFileError, MissingExtraError) as error:
        raise type(error)(*(f"{path}: {problem}" for problem in error.problems)) from error
    except (PolicyError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PolicyFileError(f"{path}: {error}") from error
    written = document.files.get(MAIN)
    intact = None if written is None else written == _said_sha256(main)
    return PolicyFile(policy, document, tensors, scoring, expected, _sha256(main), path, intact)


class _Version(msgspec.Struct):
    schema: str


def _decode(path: Path, main: bytes) -> Document:
    try:
        schema = msgspec.json.decode(main, type=_Version).schema
        if schema != SCHEMA:
            raise PolicyFileError(
                f"{path / MAIN}: schema {schema!r} is not known; this version of routelab reads"
                f" {SCHEMA!r}: upgrade routelab"
            )
        return msgspec.json.decode(main, type=Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PolicyFileError(f"{path / MAIN}: {error}") from error


def _golden(content: bytes) -> tuple[Golden, ...]:
    lines, most = content.splitlines(), limits().policies
    if len(lines) > most:
        raise PolicyFileError(
            f"{GOLDEN}: {len(lines):,} decisions, more than {most:,}; {raised('policies')}"
        )
    check_depth(content, GOLDEN)
    return tuple(msgspec.json.decode(line, type=Golden) for line in lines)


def _tensors(content: bytes) -> Tensors:
    from safetensors import SafetensorError  # importing the runtime stays quick
    from safetensors.numpy import load as read_tensors

    check_tensors(content, WEIGHTS)
    try:
        return read_tensors(content)
    except SafetensorError as error:
        raise PolicyFileError(f"{WEIGHTS}: {error}") from error


def _checked(document: Document) -> Policy:
    """The policy of a document in which every name can be resolved."""
    policy = from_wire(document.policy)
    problems = [
        f"the policy calls model {name!r}, which is not among the candidates"
        for name in policy.models_used
        if name not in document.candidates
    ] + [
        f"the policy needs signal {name!r}, which the file's signals do not describe"
        for name in policy.signals_used
        if name not in document.signals
    ]
    problems += [
        f"`estimates` has the {field} of {name!r} as {value}; it is finite and not negative"
        for name, estimate in document.estimates.items()
        for field, value in msgspec.structs.asdict(estimate).items()
        if value is not None and not 0.0 <= value < math.inf
    ]
    problems += [
        f"signal {name!r}: {problem}"
        for name, spec in document.signals.items()
        for problem in (*spec.problems, *_source_problems(spec))
    ] + [
        f"model {name!r} of the catalogue: {problem}"
        for name, model in document.catalogue.models.items()
        for problem in value_problems(model)
    ]
    if (rules := document.catalogue.engine) is not None:
        problems += [f"the catalogue's engine: {it}" for it in engine_rule_problems(rules)]
    if document.reading not in (None, *READS):
        problems.append(
            f"`reads` is {document.reading!r}; choose {', '.join(READS)}, or leave it out to read"
            " every message"
        )
    if problems:
        raise PolicyError(*problems)
    return policy


_LONGEST = 200
"""Characters of the source of a signal."""


def _source_problems(spec: SignalSpec) -> Iterator[str]:
    """What is wrong with where a signal comes from, unless another package's kind says."""
    if len(spec.source) > _LONGEST:
        yield f"source has {len(spec.source):,} characters; it has {_LONGEST} at most"
    elif spec.source.partition(":")[0] in signals.KINDS:
        try:
            signals.parse(spec.source)
        except PolicyError as error:
            yield from error.problems


def _scoring(document: Document, policy: Policy, tensors: Tensors) -> ScorerSet:
    """The scorers of a document, which may only know its candidates and must fit its policy."""
    scoring = load_scorers(
        document.features,
        document.scorers,
        tensors,
        models=document.candidates,
        reads=document.reading,
    )
    kinds = {name: spec.get("kind") for name, spec in document.scorers.items()}
    problems = scorer_misfits(policy.scorer_uses, scoring) + [
        f"scorer {use.name!r} is of kind {kinds[use.name]!r}; the policy needs {use.kind!r}"
        for use in policy.scorer_uses
        if use.kind and kinds.get(use.name, use.kind) != use.kind
    ]
    if problems:
        raise PolicyError(*problems)
    return scoring


def _is_changed(document: Document) -> bool:
    """Whether it was loaded and then changed, so that its figures are of another policy."""
    written = document.files.get(MAIN)
    return written is not None and written != _said_sha256(msgspec.json.encode(document))


def _known_values(document: Document) -> Mapping[str, Sequence[str]]:
    """Values of task and tenant that the scorers tell apart."""
    found: dict[str, list[str]] = {}
    for spec in document.scorers.values():
        if spec.get("kind") == "prior":
            found.setdefault(spec["by"], []).extend(spec["keys"])
    return {field: list(dict.fromkeys(keys)) for field, keys in found.items()}


def _read(path: Path, name: str) -> bytes:
    try:
        limit = "tensor_bytes" if name == WEIGHTS else "policy_bytes"
        return read_bounded(path / name, limit, within=path)
    except OSError as error:
        what = "no such policy directory" if not path.is_dir() else f"cannot read {name}"
        raise PolicyFileError(f"{path}: {what} ({error.strerror})") from error


def _said_sha256(main: bytes) -> str:
    """Of what `policy.json` says, its list of hashes aside, however it is laid out."""
    document = msgspec.json.decode(main)
    document.pop("files", None)
    return _sha256(msgspec.json.encode(document, order="sorted"))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
