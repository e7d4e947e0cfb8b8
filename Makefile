# Everything installs into .venv; nothing outside this folder is touched. `make` lists the targets.

PYTHON ?= python3
BIN := .venv/bin
DEMO := $(CURDIR)/.demo
# What measures other trackers beside us, and where their environments lie: see tests/benchmarks/peers.py.
export PEERS ?= ../shared/bench/peers.py
export BENCH_VENVS ?= .benchmarks/venvs

.DEFAULT_GOAL := help
.PHONY: help venv chromium demo test test-full test-frontend bench bench-peers soak docs pictures lint format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(BIN)/python ## make .venv

# A .venv that is not complete is taken away again: the next `make` would take it for a good one.
APT := On Debian or Ubuntu: apt-get install python3-venv make git
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed. $(APT)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tracker_nb needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Name another one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. $(APT)"; exit 1; }
	@test -w . || { echo "This folder is not writable for $$(id -un): $(CURDIR). Everything that make does goes here; clone into a folder of yours."; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "The environment .venv could not be made; what Python said stands above."; exit 1; }

# A stamp is newer than these when what they ask for is installed, the front end built among it.
FRONTEND := $(wildcard labextension/*.json labextension/*.mjs) $(shell find labextension/schema labextension/src labextension/style -type f)

.venv/.installed-%: pyproject.toml hatch_build.py $(FRONTEND) | $(BIN)/python
	@echo "Installing tracker_nb[$*] into .venv, and building its front end: a minute or three."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[$*]' || { echo; \
	  echo "pip could not install tracker_nb[$*]; what it said stands above. Where that speaks of connections or finds no version of a"; \
	  echo "package, there is no network: packages come from the index that 'pip config list' names, those of the front end from npm's."; \
	  exit 1; }
	@touch $@

# The system's own: browsers that Playwright downloads are never used.
chromium: ## install Chromium by apt where it is missing
	@found() { for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && return; done; return 1; }; \
	found && exit 0; \
	install="apt-get install -y --no-install-recommends chromium"; \
	command -v apt-get >/dev/null || { echo "Chromium is not installed. Install it, or Chrome, so that it is on the PATH."; exit 1; }; \
	if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as="sudo -n"; \
	else echo "Chromium is not installed. Type: sudo $$install"; exit 1; fi; \
	echo "Installing Chromium: $$as $$install"; \
	$$as apt-get update -qq && $$as env DEBIAN_FRONTEND=noninteractive $$install >/dev/null && found

# A copy of the notebook is opened, so that what you change does not change the clone; it is made once.
demo: .venv/.installed-$(if $(HEADLESS),headless,demo) $(if $(HEADLESS),chromium) ## open JupyterLab on the quickstart (HEADLESS=1: execute it, save pictures to .demo/)
	@mkdir -p $(DEMO) 2>/dev/null && test -w $(DEMO) || { echo "$(DEMO) is not writable for $$(id -un)."; exit 1; }
ifdef HEADLESS
	@$(BIN)/python -m tests.browser.demo $(DEMO)
else
	@test -e $(DEMO)/quickstart.ipynb || cp notebooks/quickstart.ipynb $(DEMO)/
	@echo "Opening JupyterLab on the quickstart; where no browser opens, open the address below. Ctrl+C twice ends it. Its runs: $(DEMO)/store"
	@TRACKER_NB_DIR=$(DEMO)/store $(BIN)/python -m jupyterlab --ServerApp.log_level=WARN $(if $(filter 0,$(shell id -u)),--allow-root) $(DEMO)/quickstart.ipynb
endif

test: chromium lint test-frontend ## lint, types, rooms, and every test that is not marked full or soak
	$(BIN)/pytest

test-full: chromium lint test-frontend ## the same with the long tests
	$(BIN)/pytest -m 'not soak'

# A benchmark that breaks its limit fails, and the page is written all the same.
bench: chromium bench-peers ## measure, and write docs/performance.md
	@mkdir -p .benchmarks && rm -f .benchmarks/figures.json
	$(BIN)/pytest tests/benchmarks --benchmark-enable --benchmark-quiet --numprocesses=0 \
	  --benchmark-json=.benchmarks/figures.json; status=$$?; \
	$(BIN)/python -m tests.benchmarks.report .benchmarks/figures.json docs/performance.md && \
	$(BIN)/python -m tests.benchmarks.readme && exit $$status

.PHONY: first-chart moving-picture
first-chart: .venv/.installed-test chromium ## measure the way from pip install to a first chart, ours and others', for docs/why.md
	$(BIN)/python -m tests.benchmarks.first_chart

moving-picture: .venv/.installed-test chromium ## record the moving picture of the README, light and dark
	$(BIN)/python -m tests.browser.moving docs/pictures

bench-peers: .venv/.installed-test ## environments of the peers that `make bench` measures beside us
	$(BIN)/python -m tests.benchmarks.peers

soak: .venv/.installed-test ## minutes of load
	$(BIN)/pytest -m soak --numprocesses=0

# mkdocs-material announces its successor at each build.
docs: .venv/.installed-docs ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Look at it: $(BIN)/python -m http.server --directory site"

pictures: chromium .venv/.installed-test ## take the documentation's screenshots anew
	$(BIN)/python -m tests.browser.pictures docs/pictures

test-frontend: .venv/.installed-test ## eslint, prettier, tsc and vitest, by the node that builds use
	$(BIN)/python hatch_build.py lint check test

lint: .venv/.installed-test ## ruff, mypy, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed-test ## let ruff fix and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove what the other targets made
	rm -rf labextension/node_modules labextension/dist labextension/lib labextension/.built tracker_nb/panels/static
	rm -rf .venv .demo site build dist .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
