"""A process beside a study that loads MLflow meanwhile, and records the study when it is done.

What MLflow takes (seconds to import it, to make a database, to store a model) is not waited for
longer than `patience_s`; the process then goes on by itself.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import subprocess
import sys
from pathlib import Path

from routelab.core import packages
from routelab.errors import TrackingError
from routelab.tracking.send import SentStudy

WAIT = "ROUTELAB_TRACKING_WAIT_S"
"""Environment variable: seconds that a study waits for its record."""

_DEFAULT_S = 3.0


def patience_s() -> float:
    """Seconds to wait for a record before it goes on in the background.

    Raises:
        TrackingError: the environment variable holds no number.
    """
    try:
        return float(os.environ.get(WAIT) or _DEFAULT_S)
    except ValueError:
        raise TrackingError(
            f"the environment variable {WAIT} is {os.environ[WAIT]!r}; give seconds, or unset it"
        ) from None


class StudyRecorder:
    """The process; it ends by itself once it recorded a study, or when nobody asks it to."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @classmethod
    def start(cls) -> StudyRecorder | None:
        """Start one; None where MLflow is missing or this system starts no process like ours."""
        try:
            there = importlib.util.find_spec("mlflow") is not None
        except ValueError:  # something else goes by that name
            there = False
        if not there or not sys.executable or os.name != "posix":
            return None
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "routelab.tracking"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,  # what is read ahead would not be waited for
                start_new_session=True,  # it outlives its terminal
            )
        except OSError:
            return None
        return cls(process)

    def record(self, study: Path, patience_s: float) -> SentStudy | None:
        """Have a marked study recorded.

        Args:
            study: the directory NAME.study.
            patience_s: seconds to wait for the end.
        Returns:
            Where it is; None where that is not known yet, and the process goes on.
        Raises:
            TrackingError: it could not be recorded, or the process ended without a word.
        """
        told = self._process.stdin, self._process.stdout
        assert told[0] is not None
        assert told[1] is not None
        try:
            asked = {"study": str(study), "packages": [it.name for it in packages.used()]}
            told[0].write(f"{json.dumps(asked)}\n".encode("ascii"))
            told[0].close()
        except OSError as error:
            raise TrackingError(f"the process that records ended ({error.strerror})") from error
        held = told[1].readline()  # the study is held from here, so nobody replaces it meanwhile
        if held and not select.select([told[1]], [], [], patience_s)[0]:
            return None
        try:
            found = json.loads(told[1].readline())
        except ValueError as error:
            raise TrackingError("the process that records ended without a word") from error
        if "error" in found:
            raise TrackingError(found["error"])
        return SentStudy(**found)

    def dismiss(self) -> None:
        """Let it end, where it was asked for nothing; what was asked for goes on."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        self._process.returncode = 0  # nobody waits for it: no warning that it still runs
