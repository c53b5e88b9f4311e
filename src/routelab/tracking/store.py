"""The MLflow store: where it is, and a client that waits little and says nothing."""

from __future__ import annotations

import logging
import os
import queue
import re
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError, TrackingError
from routelab.tracking import database, names

DEFAULT_URI = "sqlite:///mlflow.db"
EXPERIMENT = "routelab"

LONGEST_S = 120.0
"""Seconds for one request to a server, with the retries of the library that sends it."""

_UNLESS_SET = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",  # which may ask for days
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


_GIVEN: ContextVar[tuple[str, str] | None] = ContextVar("_GIVEN", default=None)
"""Addresses of the store and the registry as they were given, while MLflow is told others."""


def uri() -> str:
    """Where studies are recorded: `MLFLOW_TRACKING_URI`, or a file in the working directory."""
    if (given := _GIVEN.get()) is not None:
        return given[0]
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def shown_uri() -> str:
    """The address of the tracking store, without user and password."""
    return _without_secret(uri())


def registry_uri() -> str:
    """Where policies are registered: `MLFLOW_REGISTRY_URI`, or where studies are recorded."""
    if (given := _GIVEN.get()) is not None:
        return given[1]
    return os.environ.get("MLFLOW_REGISTRY_URI") or uri()


def registry_absent() -> bool:
    """Whether the registry is a file that is not there; connecting would make it."""
    file = database.file_of(registry_uri())
    return file is not None and not file.exists()


def experiment() -> str:
    """Name of the experiment: `MLFLOW_EXPERIMENT_NAME`, or "routelab"."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


def artifact_location(name: str) -> str | None:
    """Where the files of a new experiment go, where MLflow would take a folder's name for a URL.

    Args:
        name: of the experiment.
    Returns:
        None where MLflow's own place, `mlruns` in the working directory, is read as it is meant.
    """
    folder = Path.cwd()
    if database.file_of(uri()) is None or not re.search("[%#?;]", str(folder)):
        return None
    return (folder / "mlruns" / names.plain(name)).as_uri()


@contextmanager
def connected() -> Iterator[Any]:
    """A client of the store, for the length of a `with` block.

    Raises:
        MissingExtraError: MLflow is not installed.
        TrackingError: the store cannot be reached, or refuses.
    """
    with ExitStack() as stack:
        given = (uri(), registry_uri())
        fixed = [database.fixed(it) for it in given]
        stack.enter_context(_environment(_UNLESS_SET))
        stack.enter_context(
            _addresses(given, {"MLFLOW_TRACKING_URI": fixed[0], "MLFLOW_REGISTRY_URI": fixed[1]})
        )
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        try:
            import mlflow
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"MLflow is not installed: {how_to_install('lab')}") from error
        for chatty in ("alembic", "mlflow"):
            stack.enter_context(_quiet(chatty))
        stack.enter_context(_impatient())
        client = _client(mlflow, *fixed)
        try:
            yield client
        except (mlflow.exceptions.MlflowException, OSError) as error:
            raise _refused(error) from error


def _client(mlflow: Any, tracking: str, registry: str) -> Any:
    """A client whose stores are open; processes that make a database at once take turns."""
    files = {file for it in (uri(), registry_uri()) if (file := database.file_of(it)) is not None}
    try:
        with ExitStack() as stack:
            for folder in sorted({file.absolute().parent for file in files}):
                stack.enter_context(database.alone(folder))
            for file in files:
                database.ensure(file)
            client = mlflow.MlflowClient(tracking, registry)
            if files:
                client.get_experiment_by_name(experiment())  # which opens it
            return client
    except Exception as error:  # whatever the driver of a database raises
        raise _refused(error) from error


def _refused(error: Exception) -> TrackingError:
    lines = str(error).splitlines() or [type(error).__name__]
    return TrackingError(f"MLflow at {shown_uri()}: {_without_secret(lines[0])[:400]}")


@contextmanager
def _environment(unless_set: Mapping[str, str]) -> Iterator[None]:
    added = [name for name in unless_set if not os.environ.get(name)]
    os.environ.update({name: unless_set[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _addresses(given: tuple[str, str], told: Mapping[str, str]) -> Iterator[None]:
    """Have MLflow find the stores at other addresses than those that were given."""
    before = {name: os.environ.get(name) for name in told}
    token = _GIVEN.set(given)
    os.environ.update(told)
    try:
        yield
    finally:
        _GIVEN.reset(token)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _impatient() -> Iterator[None]:
    """Ask a database that is down three times, not for the 100 s that MLflow would wait."""
    from mlflow.store.db import utils

    before = getattr(utils, "MAX_RETRY_COUNT", 3)
    utils.MAX_RETRY_COUNT = 3
    try:
        with _in_time():
            yield
    finally:
        utils.MAX_RETRY_COUNT = before


@contextmanager
def _in_time() -> Iterator[None]:
    """Give each request of this thread up that is not answered in time.

    Time limits of the library below are for each part of an answer: one that drips has no end. A
    thread that waits for it is left behind.
    """
    import requests

    sessions: Any = requests.Session
    usual, here = sessions.request, threading.get_ident()

    def request(session: Any, *given: Any, **named: Any) -> Any:
        if threading.get_ident() != here:
            return usual(session, *given, **named)
        found: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

        def ask() -> None:
            try:
                found.put((usual(session, *given, **named), None))
            except BaseException as error:  # noqa: BLE001  (whoever waits is told)
                found.put((None, error))

        threading.Thread(target=ask, name="routelab-mlflow", daemon=True).start()
        try:
            answer, error = found.get(timeout=LONGEST_S)
        except queue.Empty:
            raise TimeoutError(f"no whole answer in {LONGEST_S:g} s") from None
        if error is not None:
            raise error
        return answer

    sessions.request = request
    try:
        yield
    finally:
        sessions.request = usual


def _without_secret(text: str) -> str:
    secret = urlsplit(uri()).netloc.rpartition("@")[0]
    return text.replace(f"{secret}@", "") if secret else text
