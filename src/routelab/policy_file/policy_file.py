"""A policy directory in memory, and whether it is still the policy that was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from routelab.core import Policy
from routelab.core.conversation import DIALOGUE, LONG, kinds_read
from routelab.core.messages import short_repr
from routelab.errors import PolicyError
from routelab.policy_file.document import Document
from routelab.policy_file.golden import Golden, verify
from routelab.policy_file.origins import differing
from routelab.scorers import ScorerSet

if TYPE_CHECKING:
    import numpy.typing as npt

Tensors: TypeAlias = "Mapping[str, npt.NDArray[np.generic]]"

MAIN = "policy.json"


@short_repr
@dataclass(frozen=True, eq=False)
class PolicyFile:
    """A loaded policy directory.

    Attributes:
        policy: that decides.
        document: what `policy.json` says.
        tensors: what `weights.safetensors` holds, by name.
        golden: requests with the decisions expected of them.
        path: of the directory.
        scoring: its scorers, at work; empty if it has none.
        digest: SHA-256 of `policy.json`, which itself holds the digests of the other files.
        intact: `policy.json` says what was written; None where an earlier version, which kept
            no digest of that, wrote it.
    """

    policy: Policy
    document: Document
    tensors: Tensors
    scoring: ScorerSet
    golden: tuple[Golden, ...]
    digest: str
    path: Path
    intact: bool | None = None

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that belong to it, whatever else lies in the directory."""
        return tuple(self.path / name for name in dict.fromkeys((MAIN, *self.document.files)))

    @cached_property
    def metadata_used(self) -> tuple[str, ...]:
        """Which of a request's "task", "tenant" and "priority" its decisions depend on."""
        policy = self.policy
        read = (self.scoring.metadata_used(name) for name in policy.scorers_used)
        return tuple(sorted(policy.metadata_used.union(*read)))

    @cached_property
    def reads_text(self) -> bool:
        """Whether the policy or a scorer of it looks at messages."""
        policy = self.policy
        return policy.reads_text or any(map(self.scoring.reads_text, policy.scorers_used))

    def unlike(self, kinds: frozenset[str]) -> frozenset[str]:
        """Those kinds of messages for which nothing was measured, as the policy's log had none.

        Tools, images and other attachments always matter; system text, further turns and earlier
        answers only where the policy reads them. A policy that was not tuned is asked nothing.

        Args:
            kinds: of `routelab.core.conversation.kinds_of`.
        """
        document = self.document
        if not document.provenance:
            return frozenset()
        new = kinds - document.known_kinds
        return kinds_read(new, document.reading) if self.reads_text else new - DIALOGUE - {LONG}

    def verify(self) -> list[str]:
        """Decide the golden requests again; a sentence for each difference."""
        return list(self._differences)

    @cached_property
    def edited(self) -> str | None:
        """A sentence where this is no longer the policy that its figures speak of.

        Editing a policy is allowed; nothing that was measured or proved holds for it then.
        """
        differing, n = len(self._differences), len(self.golden)
        if self.intact is not False and not differing:
            return None
        why = {
            False: "was edited after it was written",
            None: "was edited after it was written, or this machine reckons otherwise",
            True: "is as it was written, but this machine reckons otherwise",
        }[self.intact]
        return (
            f"{self.path / MAIN}: {why} ({differing} of {n} golden decisions differ), so recorded"
            " figures, certificate and card may not hold for it"
        )

    @property
    def other_packages(self) -> tuple[str, ...]:
        """A sentence for each package that is not of the version the policy was written with."""
        return tuple(differing(self.document))

    @cached_property
    def _differences(self) -> tuple[str, ...]:
        return tuple(verify(self.policy, self.document.seed, self.golden, self.scoring))


def check_loaded(call: str, given: object) -> None:
    """Refuse what is no loaded policy directory, where one is needed.

    Args:
        call: that takes it, as users write it.
        given: as its argument `policy`.
    Raises:
        PolicyError: it is a path, a policy alone, or something else, with the way out of each.
    """
    if isinstance(given, PolicyFile):
        return
    if isinstance(given, str | Path):
        raise PolicyError(
            f"{call} takes a loaded policy, and {str(given)!r} is a path: load it first, with"
            f" routelab.load({str(given)!r})"
        )
    if isinstance(given, Policy):
        raise PolicyError(
            f"{call} takes what routelab.load(PATH) gives, and got the"
            f" {type(given).__name__} in it: pass the whole policy file, not its `.policy`"
        )
    raise PolicyError(
        f"{call} takes what routelab.load(PATH) gives, and got {given!r:.80} of type"
        f" {type(given).__name__}"
    )
