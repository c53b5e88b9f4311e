"""Record one study, named on standard input; see `routelab.tracking.recorder`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

_LONGEST_S = 3600.0
"""Seconds for all of a record, whatever the server does."""


def main() -> None:
    """Load MLflow, wait for the path of a study, hold it, record it, and say how that went."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # MLflow prints

    def tell(data: dict[str, Any]) -> None:
        with suppress(OSError):  # nobody may listen any more
            answers.write(json.dumps(data) + "\n")
            answers.flush()

    def held() -> None:
        tell({"held": True})
        loading.join()

    patience = threading.Timer(_LONGEST_S, os._exit, (1,))
    patience.daemon = True
    patience.start()  # what is not sent by then waits for the next time
    loading = threading.Thread(target=_load, daemon=True)
    loading.start()
    line = sys.stdin.readline()
    if not line:
        signal.raise_signal(signal.SIGTERM)  # an import that nobody needs is not waited for
    from routelab.core import use
    from routelab.tracking import send

    asked = json.loads(line)
    study = Path(asked["study"])
    try:
        use(*asked["packages"])
        sent = send(study, on_held=held)
    except Exception as error:  # noqa: BLE001  (whatever a store raises, it is told)
        tell({"error": str(error)})
    else:
        tell(sent._asdict())


def _load() -> None:
    with suppress(Exception):  # it is told when it is needed
        import mlflow.pyfunc
        import mlflow.store.model_registry.sqlalchemy_store
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


if __name__ == "__main__":
    main()
