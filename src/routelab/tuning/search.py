"""The randomised search over chains, signal and thresholds; the only user of Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from routelab.core.policy import Policy
from routelab.errors import TuningError
from routelab.policies import Cascade, Fixed, to_wire
from routelab.tuning.dial import Dial

MAX_STEPS = 4
NONE = "-"

Dials = Mapping[tuple[str, str], Dial]
"""By (signal, model)."""
Progress = Callable[[int, int], None]
"""Told how many trials of how many are done."""


class Score(NamedTuple):
    """What the search compares: means on tune."""

    usd_per_1k: float
    quality: float


class Trial(NamedTuple):
    """One policy tried."""

    number: int
    policy: Policy
    score: Score
    feasible: bool
    params: Mapping[str, Any]


def search(
    models: Sequence[str],
    dials: Dials,
    score: Callable[[Policy], Score],
    *,
    starts: Sequence[Cascade | Fixed],
    max_usd_per_1k: float | None,
    min_quality: float | None,
    trials: int,
    seed: int,
    storage: str | None = None,
    name: str = "routelab",
    progress: Progress | None = None,
) -> list[Trial]:
    """Search with NSGA-II, seeded with `starts`; the same seed gives the same trials.

    The search runs in memory. With `storage` its trials are stored there afterwards under
    `name`, replacing those of an earlier run, for optuna-dashboard to show.

    Raises:
        TuningError: the storage cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    place = None if storage is None else open_storage(storage)
    study = _study(None, name, optuna.samplers.NSGAIISampler(seed=seed))
    space = _Space(models, dials)
    for start in starts[:trials]:
        study.enqueue_trial(space.params(start))
    done: list[Trial] = []

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        policy = space.policy(trial)
        found = score(policy)
        excess = {}
        if max_usd_per_1k is not None:
            excess["cost"] = found.usd_per_1k - max_usd_per_1k
        if min_quality is not None:
            excess["quality"] = min_quality - found.quality
        for key, value in excess.items():
            trial.set_constraint(key, value)
        trial.set_user_attr("policy", to_wire(policy))
        feasible = all(value <= 0 for value in excess.values())
        trial.set_user_attr("feasible", feasible)  # optuna-dashboard shows no constraints
        done.append(Trial(trial.number, policy, found, feasible, trial.params))
        if progress is not None:
            progress(len(done), trials)
        return found

    study.optimize(objective, n_trials=trials)
    if place is not None:
        try:
            _store(study, place, name)
        except Exception as error:  # noqa: BLE001  (a driver's own kind; the study goes on)
            warnings.warn(f"the trials could not be stored in {storage}: {error}", stacklevel=2)
    return done


def _study(storage: Any, name: str, sampler: Any = None) -> optuna.Study:
    study = optuna.create_study(
        storage=storage, sampler=sampler, study_name=name, directions=["minimize", "maximize"]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # the names are only shown
        study.set_metric_names(["usd_per_1k", "quality"])
    return study


def _store(study: optuna.Study, place: Any, name: str) -> None:
    if name in {summary.study_name for summary in optuna.get_all_study_summaries(place)}:
        optuna.delete_study(study_name=name, storage=place)
    _study(place, name).add_trials(study.trials)


def open_storage(storage: str) -> Any:
    """A database for a URL, an append-only journal for the path of a file.

    Raises:
        TuningError: it cannot be opened, or holds something else.
    """
    try:
        place = _opened(storage)
        place.get_all_studies()  # reads it, which opening a journal does not
    except Exception as error:  # every driver and parser raises its own kinds
        why = (str(error).splitlines() or [""])[0]
        raise TuningError(
            f"--storage {storage}: cannot hold trials: {type(error).__name__}: {why}; give a new"
            " file in a folder that exists, or a database URL such as sqlite:///trials.db"
        ) from error
    return place


def _opened(storage: str) -> Any:
    if "://" in storage:
        return RDBStorage(storage)
    return JournalStorage(JournalFileBackend(storage))


class _Space:
    """Policies as parameters: `model.1` .. `model.4`, `signal`, and `accept.MODEL`.

    `accept.MODEL` is the share of that model's answers that its threshold accepts on
    tune, so that it means the same for every signal.
    """

    def __init__(self, models: Sequence[str], dials: Dials) -> None:
        self._models = tuple(models)
        self._dials = dials
        self._signals = tuple(dict.fromkeys(signal for signal, _ in dials))
        self._steps = min(MAX_STEPS, len(self._models)) if self._signals else 1

    def policy(self, trial: optuna.Trial) -> Policy:
        """The policy of a trial; repeated models and those without a threshold drop out."""
        named = [
            trial.suggest_categorical(f"model.{i + 1}", self._models + ((NONE,) if i else ()))
            for i in range(self._steps)
        ]
        chain = list(dict.fromkeys(name for name in named if name != NONE))
        if len(chain) == 1:
            return Fixed(chain[0])
        signal = trial.suggest_categorical("signal", self._signals)
        stages = [name for name in chain[:-1] if self._dials[signal, name]]
        if not stages:
            return Fixed(chain[-1])
        thresholds = tuple(
            self._dials[signal, name].at(trial.suggest_float(f"accept.{name}", 0.0, 1.0))
            for name in stages
        )
        return Cascade((*stages, chain[-1]), thresholds, signal)

    def params(self, policy: Cascade | Fixed) -> dict[str, Any]:
        """Parameters that lead back to this policy."""
        chain = policy.models_used
        padded = (*chain, *(NONE,) * (self._steps - len(chain)))
        params: dict[str, Any] = {f"model.{i + 1}": name for i, name in enumerate(padded)}
        if isinstance(policy, Cascade):
            params["signal"] = policy.signal
            for name, threshold in zip(chain, policy.thresholds, strict=False):
                params[f"accept.{name}"] = self._dials[policy.signal, name].share(threshold)
        return params
