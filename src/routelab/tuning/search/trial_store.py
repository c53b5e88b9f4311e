"""A store of the finished trials of a search, so that a killed study goes on.

A trial is written once it is finished, as one record: nothing that is half done is ever kept,
and what was lost with a process is measured again under the same number.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from routelab.core.catalogue import redacted_address
from routelab.errors import TuningError
from routelab.tuning.search.trial_loop import Direction, TrialOutcome

ABOUT, NUMBER, PART = "routelab", "number", "measured on"
JOURNAL = b'{"op_code":'
"""How every journal begins."""

SHOWN = 60
"""Characters of a value that differs, in a message."""


class StorageLocation(NamedTuple):
    """Where to keep the trials of a study, and which study it is.

    Attributes:
        storage: path of a journal file, or a database URL.
        name: of the study.
        about: JSON values that the trials follow from (log, prices, options, versions); a stored
            study with other values is another one, and is refused.
        fresh: forget what is there under that name.
        shared: others may put trials there at the same time.
        part: what trials are measured on, as dashboards show it.
        beside: names in `about` of what no trial follows from: kept, and free to differ.
    """

    storage: str
    name: str
    about: Mapping[str, Any]
    fresh: bool = False
    shared: bool = False
    part: str = "tune"
    beside: tuple[str, ...] = ()


class TrialStore:
    """The finished trials of one study, by number.

    Attributes:
        resumed: how many trials were there when it was opened.
    Raises:
        TuningError: the storage cannot be opened, or holds another study under that name.
    """

    def __init__(self, location: StorageLocation, names: Mapping[str, Direction]) -> None:
        self._location = location
        self._about = json.loads(json.dumps(location.about))
        self._storage = open_storage(location.storage)
        try:
            self._study = self._opened(names)
        except TuningError:
            raise
        except Exception as error:  # every driver raises its own kinds
            raise _unusable(location.storage, error) from error
        self._found: dict[int, FrozenTrial] = {}
        self._seen = 0
        self._look()
        self.resumed = len(self._found)

    def get(self, number: int, params: Mapping[str, Any]) -> TrialOutcome | None:
        """The outcome of a trial, or None if it is not stored.

        Args:
            number: of the trial.
            params: that this search would try under that number.
        Raises:
            TuningError: it is there with other parameters.
        """
        location = self._location
        if number not in self._found and location.shared:
            self._look()
        trial = self._found.get(number)
        if trial is None:
            return None
        if trial.params != dict(params):
            raise TuningError(
                f"`storage` {redacted_address(location.storage)}: trial {number} of study"
                f" {location.name!r} was of {trial.params}, and this search would try"
                f" {dict(params)}; give another `storage`, or `fresh=True` to begin anew"
            )
        facts = {key: it for key, it in trial.user_attrs.items() if key not in (NUMBER, PART)}
        return TrialOutcome(tuple(trial.values), dict(trial.constraints), facts)

    def put(self, number: int, trial: FrozenTrial, facts: Mapping[str, Any]) -> None:
        """Keep a finished trial.

        Args:
            number: of the trial.
            trial: with values, parameters and constraints.
            facts: JSON values to keep with it.
        Raises:
            TuningError: the storage takes no more; what it has is not lost.
        """
        trial.user_attrs = {**facts, NUMBER: number, PART: self._location.part}
        try:
            self._study.add_trial(trial)
        except Exception as error:  # every driver raises its own kinds
            raise TuningError(
                f"`storage` {redacted_address(self._location.storage)}: trial {number} could not"
                f" be stored: {_reason(error)}; the same command goes on from the trials that were"
            ) from error

    def _look(self) -> None:
        """Take up what was put there since the last look."""
        trials = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        for trial in trials[self._seen :]:
            if NUMBER in trial.user_attrs:
                self._found.setdefault(trial.user_attrs[NUMBER], trial)
        self._seen = len(trials)

    def _opened(self, names: Mapping[str, Direction]) -> optuna.Study:
        location = self._location
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        there = {it.study_name for it in self._storage.get_all_studies()}
        if location.name in there and location.fresh:
            optuna.delete_study(study_name=location.name, storage=self._storage)
        study = optuna.create_study(
            storage=self._storage,
            study_name=location.name,
            directions=list(names.values()),
            load_if_exists=True,
        )
        about = study.user_attrs.get(ABOUT)
        if about is None and not study.get_trials(deepcopy=False):
            # Before any trial: a killed search leaves nothing, or a study that says what it is.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)  # names are only shown
                study.set_metric_names([f"{name} on {location.part}" for name in names])
            study.set_user_attr(ABOUT, self._about)
        elif differing := list(_differences(about, self._about, location.beside)):
            raise TuningError(
                f"`storage` {redacted_address(location.storage)}: study {location.name!r} there is"
                " another one; give another `storage` or `Options.name`, or `fresh=True` to"
                " replace it",
                *differing,
            )
        return study


def recorded_about(storage: str, name: str) -> Mapping[str, Any] | None:
    """What a stored search says that its trials follow from; None where there is no such search.

    Args:
        storage: a file, which need not be there, or a database URL.
        name: of the study.
    Raises:
        TuningError: it cannot be opened, or holds something else.
    """
    if "://" not in storage and not Path(storage).is_file():
        return None
    for study in open_storage(storage).get_all_studies():
        if study.study_name == name:
            found: Mapping[str, Any] | None = study.user_attrs.get(ABOUT)
            return found
    return None


def note_result(storage: str, name: str, number: int | None, facts: Mapping[str, Any]) -> None:
    """Keep beside stored trials what dashboards should show of what came of them.

    Args:
        storage: path of a journal file, or a database URL.
        name: of the study there.
        number: of the trial that was exported, as `FinishedTrial` counts; None for none.
        facts: JSON values by what they are, in plain words.
    Raises:
        TuningError: the storage cannot be opened or takes no more; what it has is not lost.
    """
    opened = open_storage(storage)
    try:
        study = optuna.load_study(study_name=name, storage=opened)
        at = [
            it.number
            for it in study.get_trials(deepcopy=False)
            if number is not None and it.user_attrs.get(NUMBER) == number
        ]
        # A shared storage may count trials in another order, and dashboards show its numbers.
        told = {**facts, "exported trial": at[0] if at else None}
        for key, value in told.items():
            if key not in study.user_attrs or study.user_attrs[key] != value:
                study.set_user_attr(key, value)
    except Exception as error:  # every driver raises its own kinds
        raise _unusable(storage, error) from error


def open_storage(storage: str) -> BaseStorage:
    """A database for a URL, an append-only journal for the path of a file.

    Raises:
        TuningError: it cannot be opened, or holds something else.
    """
    try:
        opened = _storage(storage)
        opened.get_all_studies()  # reads it, which opening a journal does not
    except Exception as error:  # every driver and parser raises its own kinds
        raise _unusable(storage, error) from error
    return opened


def _storage(storage: str) -> BaseStorage:
    # Keeping a trial takes 5 ms in a journal and 35 to 84 in SQLite; a database pays where other
    # machines share the trials.
    if "://" in storage:
        return RDBStorage(storage)
    lock = _lock(storage)
    _mend(Path(storage), lock)
    return JournalStorage(JournalFileBackend(storage, lock_obj=lock))


def _unusable(storage: str, error: Exception) -> TuningError:
    return TuningError(
        f"`storage` {redacted_address(storage)}: cannot hold trials:"
        f" {_reason(error).replace(storage, redacted_address(storage))}; give a new"
        " file in a folder that exists, or a database URL such as sqlite:///trials.db"
    )


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _mend(path: Path, lock: Any) -> None:
    """Cut off what a killed process left of a last line, before anything is added to it."""
    if not path.is_file():
        return
    lock.acquire()
    try:
        with path.open("rb+") as file:
            content = file.read()
            if content.startswith(JOURNAL):
                file.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()


def _lock(storage: str) -> Any:
    """A lock that ends with its process, where the system has one."""
    try:
        return _FileLock(storage)
    except ImportError:  # Windows
        return JournalFileOpenLock(storage)


class _FileLock:
    """Lock of the operating system on the journal itself.

    Optuna's own locks outlive a killed process by half a minute.
    """

    def __init__(self, storage: str) -> None:
        import fcntl

        self._flock = fcntl.flock
        self._exclusive = fcntl.LOCK_EX
        self._path = storage
        self._held: int | None = None

    def acquire(self) -> bool:
        held = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        self._flock(held, self._exclusive)
        self._held = held
        return True

    def release(self) -> None:
        if self._held is not None:
            os.close(self._held)  # which releases it
            self._held = None


def _differences(
    there: Mapping[str, Any] | None, here: Mapping[str, Any], beside: Sequence[str]
) -> list[str]:
    if there is None:
        return ["it was not made by this version of routelab's search"]
    return [
        f"{key} was {_short(there.get(key))}, and is {_short(here.get(key))}"
        for key in dict.fromkeys((*there, *here))
        if key not in beside and there.get(key) != here.get(key)
    ]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
