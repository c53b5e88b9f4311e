"""The embedded log as endpoints and a policy to serve: for a look without keys or money."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from routelab.cli.bundled_files import sample_path
from routelab.core.catalogue import catalogue_file, pointed_at
from routelab.logs import Log, read
from routelab.replay_server import background
from routelab.tuning import Options, tune
from routelab.tuning.study import save

NAME = "demo"
_TRIALS = 20


class DemoWorld(NamedTuple):
    """What there is to serve.

    Attributes:
        policy: a cascade that was tuned on the embedded log.
        catalogue: of its models, at a replay server of the log.
        prompt: that the log has an answer to.
    """

    policy: Path
    catalogue: Path
    prompt: str


@contextmanager
def demo_world() -> Iterator[DemoWorld]:
    """Serve the embedded log while the block runs, in a folder that is gone afterwards."""
    log = read(sample_path())
    assert isinstance(log, Log)  # so it was made
    assert log.texts is not None
    study = tune(log, Options(name=NAME, trials=_TRIALS, policy="cascade", point="knee"))
    with tempfile.TemporaryDirectory(prefix="routelab-demo-") as held, background(log) as url:
        folder = Path(held)
        policy = save(study, folder / f"{NAME}.policy").path
        models = pointed_at(url, log.models, log.catalogue).models
        catalogue = folder / "models.toml"
        catalogue.write_text(catalogue_file.text(models), encoding="utf-8")
        (prompt,) = log.texts.prompts(np.array([0]))
        yield DemoWorld(policy, catalogue, prompt)
