# Everything installs into .venv; nothing outside this folder is touched. `make` lists the targets.

PYTHON ?= python3
BIN := .venv/bin
DEMO := $(CURDIR)/.demo
# What measures other trackers beside us, and where their environments lie: see tests/benchmarks/peers.py.
export PEERS ?= ../shared/bench/peers.py
export BENCH_VENVS ?= .benchmarks/venvs

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-full bench bench-peers soak docs lint format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(BIN)/python ## make .venv

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed. On Debian or Ubuntu: apt-get install python3-venv make git"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tracker_nb needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv make git"; exit 1; }
	$(PYTHON) -m venv .venv

# A stamp is newer than pyproject.toml when what that file asks for is installed.
.venv/.installed-%: pyproject.toml | $(BIN)/python
	$(BIN)/pip install -q -e '.[$*]'
	@touch $@

demo: .venv/.installed-demo ## open JupyterLab on the quickstart (HEADLESS=1: execute it and print its runs)
	@mkdir -p $(DEMO)
ifdef HEADLESS
	@rm -rf $(DEMO) && mkdir $(DEMO)
	TRACKER_NB_DIR=$(DEMO) $(BIN)/jupyter execute notebooks/quickstart.ipynb
	TRACKER_NB_DIR=$(DEMO) $(BIN)/tracker-nb runs quickstart
else
	TRACKER_NB_DIR=$(DEMO) $(BIN)/jupyter lab notebooks/quickstart.ipynb
endif

test: lint ## lint, types, rooms, and every test that is not marked full or soak
	$(BIN)/pytest

test-full: lint ## the same with the long tests
	$(BIN)/pytest -m 'not soak'

# A benchmark that breaks its limit fails, and the page is written all the same.
bench: bench-peers ## measure, and write docs/performance.md
	@mkdir -p .benchmarks && rm -f .benchmarks/figures.json
	$(BIN)/pytest tests/benchmarks --benchmark-enable --benchmark-quiet --numprocesses=0 \
	  --benchmark-json=.benchmarks/figures.json; status=$$?; \
	$(BIN)/python -m tests.benchmarks.report .benchmarks/figures.json docs/performance.md && exit $$status

bench-peers: .venv/.installed-test ## environments of the peers that `make bench` measures beside us
	$(BIN)/python -m tests.benchmarks.peers


soak: .venv/.installed-test ## minutes of load
	$(BIN)/pytest -m soak --numprocesses=0

docs: .venv/.installed-docs ## build the documentation into site/
	$(BIN)/mkdocs build --strict

lint: .venv/.installed-test ## ruff, mypy, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed-test ## let ruff fix and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove what the other targets made
	rm -rf .venv .demo site build dist .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
