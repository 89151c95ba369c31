# Every target does its own set-up: a machine with Python 3.11 and make is enough.
.DEFAULT_GOAL := help
MODERN := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(name) -c "$(MODERN)" 2>/dev/null && echo $(name))))
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-package blueport-sdk --no-header --python-version 3.11
WHOLE := --extra mcp pyproject.toml
ARGS ?=

.PHONY: help run test check docs screenshots contract bench fuzz chaos format lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run ## Server, simulated Mac and daemon in one go; ARGS="--port 0" for options
	@# Where the site's generator cannot be had, all else runs.
	@$(MAKE) --silent build/docs/.stamp || echo "The documentation was not built: there is nothing at /docs." >&2
	@$(BIN)/blueport dev $(ARGS)

test: .venv/dev build/docs/.stamp sdks/typescript/node_modules/.stamp ## All tests, five at a time; ARGS="-k webhook" for fewer, ARGS="-n 0" one by one
	@# Five even where there are two cores: more than half of the time they wait. Hundreds of processes are started: none of them
	@# should compile again what the one before it compiled.
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --numprocesses 5 --dist worksteal $(ARGS)

check: .venv/dev ## Format, lint, types, import contracts, dead code, unused dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@# The SDK runs on an older Python than the server does.
	$(BIN)/mypy --python-version 3.10 --package blueport_sdk
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/deptry src

docs: build/docs/.stamp ## Build the documentation, which servers have at /docs

screenshots: .venv/dev ## Take the pictures of the documentation anew; ARGS="phone" for one
	@$(BIN)/python -m docs.screenshots $(ARGS)

contract: .venv/dev ## Write contract/ anew from what the server says and does
	@$(BIN)/python -m tests.server.contract

bench: .venv/dev ## Measure the hot paths beside a bare Starlette endpoint
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: .venv/dev ## Look for an hour for requests, and cells of chat.db, that break it; ARGS="--only bodies --minutes 5"
	$(BIN)/python -m fuzzing $(ARGS)

chaos: .venv/dev ## Kill every process of a fleet for ten minutes; ARGS="--messages 5000 --minutes 10 --seed 1"
	$(BIN)/python -m tests.system.chaos $(ARGS)

format: .venv/dev ## Mend what the tools can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/dev ## Pin anew what pyproject.toml asks for
	$(BIN)/$(LOCK) $(WHOLE) --group build --output-file requirements/run.txt
	$(BIN)/$(LOCK) $(WHOLE) --group dev --output-file requirements/dev.txt
	$(BIN)/$(LOCK) --constraint requirements/run.txt --group docs --output-file requirements/docs.txt

clean: ## Remove the environment and what tools left; data in .blueport stays
	rm -rf build sdks/typescript/node_modules sdks/typescript/build sdks/typescript/dist .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# Stamps: rebuilt when the lock changes, so that a pull never leaves an old environment behind.
.venv/run: requirements/run.txt pyproject.toml sdks/python/pyproject.toml
	@$(if $(PYTHON),,$(error Blueport needs Python 3.11 or newer; name one with PYTHON=...))
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Setting up .venv ..." >&2
	@$(PIP) --requirement requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable sdks/python --editable .
	@touch $@

.venv/dev: requirements/dev.txt .venv/run
	@# Most of what the tools bring is never loaded: what is, is compiled then.
	@$(PIP) --no-compile --requirement requirements/dev.txt
	@touch $@

.venv/docs: requirements/docs.txt .venv/run
	@$(PIP) --no-compile --requirement requirements/docs.txt
	@touch $@

build/docs/.stamp: .venv/docs CHANGELOG.md $(shell find docs changes src/blueport/server -type f ! -name '*.pyc')
	@$(BIN)/python docs/build.py
	@touch $@

# Without Node.js the tests of the TypeScript SDK are skipped, and say so.
sdks/typescript/node_modules/.stamp: sdks/typescript/package-lock.json sdks/typescript/package.json
	@if node --eval "process.exit(Number(parseInt(process.versions.node) < 20))" 2>&1 && npm --version; then \
	  echo "Setting up sdks/typescript ..." && npm ci --prefix sdks/typescript --silent && touch $@; \
	else echo "No Node.js 20 or newer, or no npm: the TypeScript SDK is not tested."; fi >&2
