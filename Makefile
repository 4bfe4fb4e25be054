# The project's commands. `make help` lists them.

PYTHON ?= python3
UV ?= .venv/bin/uv
# Three workers for two cores: the tests of services wait for them much of the time. In the order of
# the files, the slow ones come first.
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder

BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEVELOPMENT := .venv/.development-installed
# What is never imported need not be compiled; the rest is when it is imported first.
INSTALL := $(BIN)/python -m pip install --no-compile --quiet --quiet --disable-pip-version-check --no-input
CODE := quant_platform quant_platform_tests benchmarks

# Packages are installed without bytecode, which the first import of each then keeps.
unexport PYTHONDONTWRITEBYTECODE

# The browser is installed beside the packages, and lint and types stand side by side.
MAKEFLAGS += --jobs=3

.DEFAULT_GOAL := help
.PHONY: help demo dev test test-quick lint format types docs settings bench pins clean chromium .venv

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(RUNTIME) ## Build the whole pipeline on the sample market and print the ranking of the models
	@$(BIN)/quant-platform demo

dev: $(RUNTIME) ## Open the Dagster UI on http://127.0.0.1:3000
	@$(BIN)/quant-platform dev

test-quick: $(DEVELOPMENT) ## The tests that need no server, no browser and no other process
	$(BIN)/python -m pytest -n 2 -m "not services"

test: lint types chromium ## Everything that CI runs: lint, format, types, import contract, tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(DEVELOPMENT) ## Lint, format check and import contract
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports

format: $(DEVELOPMENT) ## Format the code and repair what the linter can repair
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

types: $(DEVELOPMENT) ## Type check
	$(BIN)/mypy

docs: $(DEVELOPMENT) ## Check that every link of the documents leads somewhere
	$(BIN)/python -m pytest quant_platform_tests/test_deployment/test_documents.py

settings: $(RUNTIME) ## Write .env.example, docs/settings.md and docs/features.md from the code
	@$(BIN)/python -m quant_platform.cli.settings_files
	@$(BIN)/python -m quant_platform.cli.features_page

bench: $(DEVELOPMENT) ## Run every benchmark; each prints its figure and its rival's
	@set -e; for script in benchmarks/[!_]*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

clean: ## Remove caches and build products; data and .venv stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist test-output

.venv: $(RUNTIME) ## Create the virtual environment with the pinned runtime packages

# The file is pip and not python: without Debian's python3-venv a half-made environment has only the latter.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing)." \
			"Name another one: make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -m venv .venv

$(RUNTIME): requirements.txt pyproject.toml | $(BIN)/pip
	@echo "Installing the pinned packages (about a minute) ..."
	@$(INSTALL) --require-hashes -r requirements.txt
	@# In the background: what is called before it is done compiles what it needs by itself.
	@nice $(BIN)/python -m quant_platform.cli.compile_kernels >/dev/null 2>&1 &
	@$(INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

$(DEVELOPMENT): requirements-dev.txt | $(RUNTIME)
	@echo "Installing the pinned development packages ..."
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

chromium: # the browser test drives Debian's own
	@command -v chromium >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing chromium for the browser test ..."; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; \
		else \
			echo "chromium is not installed; the browser test needs it (Debian: apt-get install chromium)"; \
		fi; }

# What builds the package is pinned too, so that the editable install fetches nothing.
BUILD_PACKAGES := $(BIN)/python -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "editables", sep="\n")'
# What the pinned environment has beside the package itself.
EXTRAS := --extra compiled --extra ops --extra research
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --no-strip-extras

pins: ## Resolve pyproject.toml anew into requirements*.txt (needs uv; known pins stay: UV_UPGRADE=1 renews them)
	@$(BUILD_PACKAGES) | $(COMPILE) $(if $(UV_UPGRADE),--upgrade) pyproject.toml - $(EXTRAS) --extra optimize --extra dev --output-file requirements-dev.txt
	@$(BUILD_PACKAGES) | $(COMPILE) $(if $(UV_UPGRADE),--upgrade) pyproject.toml - $(EXTRAS) --constraints requirements-dev.txt --output-file requirements.txt
	@for file in requirements.txt requirements-dev.txt; do \
		{ echo "# Written by 'make pins' from pyproject.toml."; cat $$file; } > $$file.new && mv $$file.new $$file; done
