"""A ledger of looks: how many studies were judged on one test part, and what that costs."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import structs

from routelab.core.messages import counted
from routelab.core.storage import lock_file
from routelab.errors import TuningError
from routelab.replay import Baseline, Figures
from routelab.stats import look_level, widened
from routelab.tuning.options import UNSAID, Options

SUFFIX = ".looks"
"""Of the ledger beside a log: no reader of logs takes it for one."""

_PATIENCE_S = 10.0
_OF_NO_STUDY = (*UNSAID, "name")
"""Options that change nothing about what is judged."""


class LookEntry(msgspec.Struct, frozen=True):
    """A line of the ledger.

    Attributes:
        test_sha256: of the ids of the test part.
        log_sha256: of the log; another cut of it tests many of the same requests.
        study: digest of what was studied, and how.
    """

    test_sha256: str
    log_sha256: str
    study: str
    schema: Literal["routelab.looks/1"] = "routelab.looks/1"


class StudyLook(msgspec.Struct, frozen=True):
    """Which look at a test part a study is.

    Attributes:
        number: 1 for the first study judged there; the same study again has its number.
        level: one-sided, that is left for it.
        notes: of the ledger, in sentences: where it cannot be kept, or read in full.
    """

    number: int
    level: float
    notes: tuple[str, ...] = ()

    def sentences(self) -> Iterator[str]:
        """What a reader of the verdict must know of it; nothing of a first look that was kept."""
        if self.number > 1:
            yield (
                f"the {_ordinal(self.number)} study judged on these test requests: whoever tries"
                f" often enough gains by chance, so its interval is one of {_share(self.level)}"
                " in place of 95 %; requests that came later, as test, would be new to it"
            )
        yield from self.notes

    def paid(self, it: Figures) -> Figures:
        """Figures as the verdict takes them: intervals as wide as the look asks for.

        What is to be shown of a policy gets harder, and what is shown against it stays as it was.

        Args:
            it: figures with intervals of 95 %.
        """
        if self.number == 1:
            return it
        return structs.replace(
            it,
            gain_ci=widened(it.gain_vs_zero_router, it.gain_ci, self.number),
            quality_ci=widened(it.quality, it.quality_ci, self.number),
            usd_per_1k_ci=widened(it.usd_per_1k, it.usd_per_1k_ci, self.number),
            baselines=tuple(self._paid(one) for one in it.baselines),
        )

    def _paid(self, it: Baseline) -> Baseline:
        def lower(estimate: float, interval: tuple[float, float]) -> tuple[float, float]:
            return widened(estimate, interval, self.number)[0], interval[1]

        paid = structs.replace(
            it,
            quality_gain_ci=lower(it.quality_gain, it.quality_gain_ci),
            saving_usd_per_1k_ci=lower(it.saving_usd_per_1k, it.saving_usd_per_1k_ci),
        )
        if it.saving_share is None or it.saving_share_ci is None:
            return paid
        return structs.replace(paid, saving_share_ci=lower(it.saving_share, it.saving_share_ci))


@dataclass(frozen=True)
class LookLedger:
    """A file that counts the studies judged on each test part; a line for each, never changed.

    Attributes:
        path: of the file.
    """

    path: Path

    @classmethod
    def beside(cls, log: Path) -> LookLedger:
        """The ledger of a log, beside it.

        Args:
            log: file or folder.
        """
        log = log.resolve()
        return cls(log.with_name(f"{log.name}{SUFFIX}"))

    @classmethod
    def within(cls, folder: Path, log: Path) -> LookLedger:
        """The ledger of a log in a folder of ledgers, for logs beside which nothing may be written.

        Args:
            folder: made where it is not there yet.
            log: file or folder; logs of one name in different places have ledgers of their own.
        """
        log = log.resolve()
        place = hashlib.sha256(os.fsencode(log.parent)).hexdigest()[:12]
        return cls(folder / f"{log.name}.{place}{SUFFIX}")

    def counted(self, test_sha256: str, log_sha256: str, study: str) -> StudyLook:
        """Count a study before it is judged; one that was counted keeps its number.

        Where the ledger cannot be written the study goes on, and says so.

        Args:
            test_sha256: of the ids of the test part.
            log_sha256: of the log.
            study: digest of it, as `study_digest` gives it.
        Raises:
            TuningError: the file is something else than a ledger.
        """
        entry = LookEntry(test_sha256, log_sha256, study)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                locked = _locked(file.fileno())
                file.seek(0)
                content = file.read()
                number, notes, new = self._place(content, entry)
                if new:
                    torn = content and not content.endswith(b"\n")
                    file.write((b"\n" if torn else b"") + msgspec.json.encode(entry) + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
            if not locked:
                notes = (*notes, f"{self.path.name} stayed locked, so that a look may be missing")
        except OSError as error:
            number, notes = self._unwritable(entry, error)
        return StudyLook(number, look_level(number), notes)

    def _unwritable(self, entry: LookEntry, error: OSError) -> tuple[int, tuple[str, ...]]:
        try:
            number, notes, _ = self._place(self.path.read_bytes(), entry)
        except OSError:
            number, notes = 1, ()
        said = (
            f"this look at the test requests is not counted: {self.path.name} cannot be written"
            f" ({error.strerror}); `looks` names another file"
        )
        return number, (*notes, said)

    def _place(self, content: bytes, entry: LookEntry) -> tuple[int, tuple[str, ...], bool]:
        """Number of an entry among those of its test part, notes, and whether it is new."""
        seen: dict[str, None] = {}
        unread, lines = 0, content.splitlines()
        for line in filter(None, lines):
            try:
                it = msgspec.json.decode(line, type=LookEntry)
            except msgspec.MsgspecError:
                unread += 1
                continue
            if entry.test_sha256 == it.test_sha256 or entry.log_sha256 == it.log_sha256:
                seen.setdefault(it.study)
        if unread and unread == len(lines):
            raise TuningError(
                f"{self.path}: is no ledger of looks (line 1 is {lines[0][:40]!r}); `looks` names"
                " another file"
            )
        notes = (f"{counted(unread, 'line')} of {self.path.name} cannot be read",) if unread else ()
        if entry.study in seen:
            return list(seen).index(entry.study) + 1, notes, False
        return len(seen) + 1, notes, True


def study_digest(options: Options, reads: Mapping[str, Any]) -> str:
    """Of what is studied, and how: two studies with one digest come to the same.

    Args:
        options: of the study; its name and where its trials are kept make no difference.
        reads: digests of what it reads, and what is said of signals.
    """
    said = {key: it for key, it in options.recorded.items() if key not in _OF_NO_STUDY}
    plain = msgspec.json.encode({"options": said, "reads": dict(reads)}, order="sorted")
    return hashlib.sha256(plain).hexdigest()


def _locked(file: int) -> bool:
    """Wait for others who write; whether they let go in time."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            lock_file(file)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        else:
            return True


def _ordinal(number: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 10 <= number % 100 <= 20 else ends.get(number % 10, 'th')}"


def _share(level: float) -> str:
    """Of a two-sided interval, in per cent, with as many digits as tell it from 100."""
    return f"{100 * (1 - 2 * level):.4g} %"
