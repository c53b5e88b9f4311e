"""The commands that need no workbench: they run with the `serve` extra alone, and start quickly."""

from __future__ import annotations

from routelab.cli.commands import batch, key, redeliver, serve
from routelab.cli.typer_groups import Commands

app = Commands(name="routelab", add_completion=False, pretty_exceptions_enable=False)
app.command("batch")(batch.batch)
app.command("key")(key.key)
app.command("redeliver")(redeliver.redeliver)
app.command("serve")(serve.serve)
