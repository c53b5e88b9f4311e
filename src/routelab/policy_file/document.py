"""`policy.json`: a policy and everything it needs, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from routelab.core import CallEstimate, SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.core.messages import short_repr
from routelab.policy_file.certificate import Certificate

SCHEMA = "routelab.policy/1"
"""What `policy.json` says it is; a reader refuses another."""


class SplitRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the log was cut, so that the same log is cut the same again.

    Attributes:
        rule: "column" where the log says which part a request belongs to, "time" where it has
            timestamps, else "random".
        seed: of the random rule.
        group: what was kept together: "group", "task" or "prompt".
        cuts_s: Unix seconds between the parts, for the time rule.
        sha256: of the sorted request ids of each part; empty where the log was read in batches,
            and is known by the hash of its files.
        n: requests in each part.
        dropped: requests left out because their group began in an earlier part.
        returned: requests of each part whose group has requests in an earlier one, where they were
            kept; absent where they were left out.
        searched: parts that the policy was searched on; absent in files of old, whose scorers were
            fitted on train and whose policy was chosen on tune.
    """

    rule: Literal["column", "time", "random"]
    seed: int
    group: str
    cuts_s: tuple[float, ...]
    sha256: Mapping[str, str]
    n: Mapping[str, int]
    dropped: int = 0
    returned: Mapping[str, int] | msgspec.UnsetType = msgspec.UNSET
    searched: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def chosen_on(self) -> tuple[str, ...]:
        """Parts that the policy was chosen on."""
        return ("tune",) if self.searched is msgspec.UNSET else self.searched

    @property
    def returning(self) -> bool:
        """Whether requests of groups that began in an earlier part were kept."""
        return self.returned is not msgspec.UNSET


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a policy directory another package brings.

    Attributes:
        version: of the package that the policy was written with.
        kinds: that it brings and the policy names, for people: "kind 'by-length'".
    """

    version: str
    kinds: tuple[str, ...]


@short_repr
class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of `policy.json`.

    Attributes:
        name: for people and tables.
        policy: wire form of the policy (`routelab.policies.from_wire`).
        candidates: models the policy was chosen among; rows are compared that have them all.
        catalogue: snapshot of prices, capabilities and deployments of the candidates.
        signals: what the policy's confidence signals cost and how a response yields them.
        scorers, features: fitted predictors the policy names.
        estimates: what a call of each model is expected to cost and to take, for requests with
            a budget or a deadline.
        seed: of every random draw.
        split: of the log it was tuned on; None if it was not tuned.
        evaluation: figures on test, as shown when it was tuned.
        certificate: bounds that were proved, or were not; None where none was asked for.
        provenance: version, command, data and price hashes; neither time nor place.
        reads: which of a request's messages scorers and policy look at, one of
            `routelab.core.conversation.READS`; absent for all of them as they are, which is what
            files of version 0.1.0 mean.
        message_kinds: what the messages of the log held besides prompts, by which requests unlike
            them are known (see `routelab.core.conversation.kinds_of`); absent where they held
            nothing else, as in every log of version 0.1.0.
        packages: by distribution, what another package than routelab brings; absent where nothing
            is foreign.
        files: SHA-256 of every other file of the directory, and of what this document says
            beside them, by which an edit shows.
    """

    schema: Literal["routelab.policy/1"] = "routelab.policy/1"
    name: str
    policy: Mapping[str, Any]
    candidates: tuple[str, ...]
    catalogue: Catalogue
    signals: Mapping[str, SignalSpec] = msgspec.field(default_factory=dict)
    scorers: Mapping[str, Any] = msgspec.field(default_factory=dict)
    features: Mapping[str, Any] = msgspec.field(default_factory=dict)
    estimates: Mapping[str, CallEstimate] = msgspec.field(default_factory=dict)
    seed: int = 0
    split: SplitRecord | None = None
    evaluation: Mapping[str, Any] = msgspec.field(default_factory=dict)
    certificate: Certificate | None = None
    provenance: Mapping[str, Any] = msgspec.field(default_factory=dict)
    reads: str | msgspec.UnsetType = msgspec.UNSET
    message_kinds: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    packages: Mapping[str, Origin] | msgspec.UnsetType = msgspec.UNSET
    files: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def reading(self) -> str | None:
        """Which of a request's messages are looked at; None for all of them."""
        return None if isinstance(self.reads, msgspec.UnsetType) else self.reads

    @property
    def known_kinds(self) -> frozenset[str]:
        """What the log's messages held besides prompts."""
        kinds = self.message_kinds
        return frozenset() if isinstance(kinds, msgspec.UnsetType) else frozenset(kinds)
