"""Rebuild the embedded data set: `python datasets/make.py`.

Writes `sample.parquet` and `SHA256SUMS` beside this file. The values are the same everywhere;
the bytes of the Parquet file are the same with the same pyarrow.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from routelab import logs, synthetic

HERE = Path(__file__).parent
FILES = ("sample.log.toml", "sample.models.toml", "sample.parquet")


def main() -> None:
    """Write the log, then the checksums of everything that belongs to it."""
    # The sidecar says what signals cost and names the catalogue, as a user's own would.
    made = synthetic.sample()
    log = replace(made, specs={}, catalogue=None, signals={}, unasked=made.signals)
    logs.write(log, HERE / "sample.parquet")
    sums = (f"{hashlib.sha256((HERE / name).read_bytes()).hexdigest()}  {name}" for name in FILES)
    (HERE / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
