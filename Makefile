PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test slow intervals soak fuzz sanitizers supply litellm bench-litellm records protos lock check bench learning clean

demo: $(VENV)/.lab  ## the main job on the embedded log
	$(BIN)/routelab demo --out policies/demo.policy

test: $(VENV)/.dev  ## every test but the long statistical ones
	$(BIN)/python -m compileall -q src tests  # where Python does not do so by itself
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow and not soak"

slow: $(VENV)/.dev  ## long statistical and load checks
	$(BIN)/python -m pytest -m slow

intervals: $(VENV)/.dev  ## how often intervals hold the truth in ugly worlds; goes on where it stopped
	cd tests/suites/interval_coverage && $(CURDIR)/$(BIN)/python coverage_table.py --kept $(CURDIR)/interval_coverage.jsonl

soak: $(VENV)/.dev  ## load on loopback: memory, sockets, money, hosts in trouble (SOAK_S=1800)
	$(BIN)/python -m pytest -s -m soak --soak-seconds $(or $(SOAK_S),1800)

fuzz: $(VENV)/.dev  ## half an hour of files that are made to hurt
	$(BIN)/python -m pytest -s -m fuzz

sanitizers: $(VENV)/.dev  ## the compiled modules with ASan and UBSan
	$(BIN)/python -m pytest -m sanitizers

supply: $(VENV)/.dev  ## wheels for every Python at hand, and a small suite at the least versions
	$(BIN)/python -m pytest -s -m supply

litellm:  ## LiteLLM's real router and proxy with our plug-in, in an environment of its own (1 GB)
	$(PYTHON) -m venv .venv-litellm
	.venv-litellm/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[testing,litellm]' 'litellm[proxy]'
	.venv-litellm/bin/python -m pytest tests/plugins

records: $(VENV)/.dev  ## what LiteLLM, MLflow, OpenTelemetry, inspect_ai, lm-eval and promptfoo record, made anew (2 GB)
	$(BIN)/python -m pytest -s -m records

bench-litellm: $(VENV)/.dev litellm  ## the gateway beside the real LiteLLM proxy
	$(BIN)/python -m benchmarks litellm

protos: $(VENV)/.dev  ## the description and types of router.proto anew
	cd src && $(CURDIR)/$(BIN)/python -m grpc_tools.protoc -I. --descriptor_set_out=routelab/serve/grpc/router.binpb --pyi_out=. routelab/serve/grpc/router.proto

lock: $(VENV)/.dev  ## requirements.lock anew, with what is newest
	$(INSTALL) uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --upgrade --no-header --output-file requirements.lock

check: $(VENV)/.dev  ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## figures beside their targets, and benchmarks/results.json
	$(BIN)/python -m benchmarks

learning: $(VENV)/.dev  ## what `tune` makes of half a log, beside an afternoon's routers; hours, goes on where it stopped
	$(BIN)/python -m benchmarks.learning

SOURCES = pyproject.toml hatch_build.py $(shell find src -name "*.[ch]")
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "routelab needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: $(SOURCES) | $(BIN)/python
	$(INSTALL) --editable '.[lab]'
	touch $@

$(VENV)/.dev: $(SOURCES) | $(BIN)/python  ## brings the lab too
	$(INSTALL) --editable '.[dev]'
	touch $(VENV)/.lab $@

clean:
	rm -rf $(VENV) build dist
