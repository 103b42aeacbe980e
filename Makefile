# Two commands for a stranger (`make up`, `make test`), one for a contributor (`make check`).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: up test check lint nightly clean

up: $(VENV)/.runtime  ## found the environment, start a node that plays and learns, show its cockpit
	@$(BIN)/ringrift up $(ARGS)

test: $(VENV)/.dev  ## found the environment with the test tools, run every test
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev  ## format, lint, types and the layer rule
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

nightly: $(VENV)/.dev  ## more simulated clusters and fresh games than there is patience for in a day
	$(BIN)/ringrift sim --seeds 2000 --nodes 5
	$(BIN)/ringrift sim --seeds 200 --nodes 7
	$(BIN)/ringrift sim --seeds 200 --nodes 5 --tier driver
	$(BIN)/python tests/engine/fresh_games.py 2000

check: lint test  ## everything a change must pass

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "ringrift needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:  ## forget the environment (data directories are never touched)
	rm -rf $(VENV)
