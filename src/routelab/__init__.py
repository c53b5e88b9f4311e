"""Evaluate, tune and ship LLM routing policies whose numbers hold in production.

Importing this package imports nothing else: pick the module you need, for example
`routelab.runtime` in a service or `routelab.tuning` at a workbench.
"""

__version__ = "0.1.0"
