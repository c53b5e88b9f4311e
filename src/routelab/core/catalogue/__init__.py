"""The models that can be called, what they cost and can do, and the file that lists them."""

from routelab.core.catalogue import catalogue_file, engine_rules
from routelab.core.catalogue.addresses import address_secret, redacted_address
from routelab.core.catalogue.candidates import candidate
from routelab.core.catalogue.catalogue import (
    ROUTER_TIMEOUT_S,
    Catalogue,
    Deployment,
    Model,
    Timeouts,
    pointed_at,
)
from routelab.core.catalogue.engine_rules import (
    BreakerRules,
    EngineRules,
    RetryRules,
    engine_rule_problems,
)
from routelab.core.catalogue.parameters import Parameters
from routelab.core.catalogue.price_problems import price_problems
from routelab.core.catalogue.prices import (
    PRICES,
    STANDARD_SERVICES,
    ContextTier,
    DatedPrices,
    PriceSheet,
    Rates,
    ServicePrices,
    TokenUsage,
    dearest,
    flat_usd,
    rates,
    times,
    tokens_usd,
    upper_tokens_usd,
)
from routelab.core.catalogue.quirks import NO_QUIRKS, Quirks, known_quirks
from routelab.core.catalogue.toml_fields import TomlFields
from routelab.core.catalogue.toml_text import parse_tables, read_text, tables_text
from routelab.core.catalogue.validation import (
    deployment_problems,
    looks_like_key,
    value_problems,
)

__all__ = [
    "NO_QUIRKS",
    "PRICES",
    "ROUTER_TIMEOUT_S",
    "STANDARD_SERVICES",
    "BreakerRules",
    "Catalogue",
    "ContextTier",
    "DatedPrices",
    "Deployment",
    "EngineRules",
    "Model",
    "Parameters",
    "PriceSheet",
    "Quirks",
    "Rates",
    "RetryRules",
    "ServicePrices",
    "Timeouts",
    "TokenUsage",
    "TomlFields",
    "address_secret",
    "candidate",
    "catalogue_file",
    "dearest",
    "deployment_problems",
    "engine_rule_problems",
    "engine_rules",
    "flat_usd",
    "known_quirks",
    "looks_like_key",
    "parse_tables",
    "pointed_at",
    "price_problems",
    "rates",
    "read_text",
    "redacted_address",
    "tables_text",
    "times",
    "tokens_usd",
    "upper_tokens_usd",
    "value_problems",
]
