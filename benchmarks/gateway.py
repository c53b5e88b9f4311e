"""The gateway as it is measured, which prints its port: `python -m ... POLICY FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from routelab.serve import Service, read_config, serve

if __name__ == "__main__":
    policy, folder = sys.argv[1], Path(sys.argv[2])
    serve(
        lambda: Service([policy], folder / "models.toml", read_config(folder / "serve.toml")),
        port=0,
        ready=lambda url: print(url.removesuffix("/v1").rpartition(":")[2], flush=True),
    )
