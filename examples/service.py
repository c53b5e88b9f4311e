"""A chat service in the protocol of OpenAI, streaming included, that routes by a policy.

POLICY=mine.policy MODELS=models.toml LOG=decisions uvicorn --factory examples.service:create

BUDGETS=budgets.toml keeps it within budgets. PROXY=127.0.0.1 is the address of a proxy of yours,
whose header x-tenant says who asks. `routelab serve` is the same with a file of settings.
"""

import os

from routelab.serve import CallerRules, GatewayApp, ServeConfig, Service


def create() -> GatewayApp:
    """The service, as the environment describes it."""
    proxy = os.environ.get("PROXY", "")
    config = ServeConfig(
        aliases={"*": "routelab"},  # whatever callers name as `model`
        log=os.environ["LOG"],
        budgets=os.environ.get("BUDGETS", ""),
        callers=CallerRules(tenant_header="x-tenant", trusted=(proxy,)) if proxy else CallerRules(),
    )
    return GatewayApp(Service([os.environ["POLICY"]], os.environ["MODELS"], config))
