PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test slow soak check bench clean

demo: $(VENV)/.lab  ## the main job on the embedded log
	$(BIN)/routelab demo --out policies/demo.policy

test: $(VENV)/.dev  ## every test but the long statistical ones
	$(BIN)/python -m compileall -q src tests  # where Python does not do so by itself
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow and not soak"

slow: $(VENV)/.dev  ## long statistical and load checks
	$(BIN)/python -m pytest -m slow

soak: $(VENV)/.dev  ## 200,000 requests on loopback: memory, sockets, money
	$(BIN)/python -m pytest -s -m soak

check: $(VENV)/.dev  ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## figures beside their targets, and benchmarks/results.json
	$(BIN)/python -m benchmarks

$(VENV)/.lab: pyproject.toml hatch_build.py $(shell find src -name "*.[ch]")
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "routelab needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lab]'
	touch $@

$(VENV)/.dev: $(VENV)/.lab
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist
