"""The models that can be called, what they cost and can do, and the file that lists them."""

from routelab.core.catalogue import catalogue_file, engine_rules
from routelab.core.catalogue.catalogue import (
    ROUTER_TIMEOUT_S,
    Catalogue,
    Deployment,
    Model,
    Timeouts,
    pointed_at,
    redacted_address,
)
from routelab.core.catalogue.engine_rules import (
    BreakerRules,
    EngineRules,
    RetryRules,
    engine_rule_problems,
)
from routelab.core.catalogue.toml_fields import TomlFields
from routelab.core.catalogue.toml_text import parse_tables, read_text
from routelab.core.catalogue.validation import looks_like_key, value_problems

__all__ = [
    "ROUTER_TIMEOUT_S",
    "BreakerRules",
    "Catalogue",
    "Deployment",
    "EngineRules",
    "Model",
    "RetryRules",
    "Timeouts",
    "TomlFields",
    "catalogue_file",
    "engine_rule_problems",
    "engine_rules",
    "looks_like_key",
    "parse_tables",
    "pointed_at",
    "read_text",
    "redacted_address",
    "value_problems",
]
