# A fresh machine needs Python >= 3.10 with its venv module, and make: `make test` and `make study` set up the rest.
PYTHON ?= python3
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
CONSTRAINTS := constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help study test lint types format docs benchmark clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST)

study: $(VENV)/installed-study ## run the main job on the toy series: d90 against pretraining step
	$(VENV)/bin/lightning run studies/pretrain_curve.py $(ARGS)

test: $(VENV)/installed-test ## run all tests
	$(VENV_PYTHON) -m pytest --numprocesses 2 --dist loadfile $(ARGS)

lint: $(VENV)/installed-dev ## check style and formatting
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .

types: $(VENV)/installed-dev ## check types
	$(VENV_PYTHON) -m mypy

format: $(VENV)/installed-dev ## mend style and formatting where a tool can
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .

docs: $(VENV)/installed-docs ## make the reference of all modules, in site/reference
	$(VENV_PYTHON) docs/reference.py site/reference

benchmark: $(VENV)/installed-study ## measure the cost of the projection beside the model and the customary implementation
	$(VENV)/bin/lightning run studies/projection_cost.py $(ARGS)

clean: ## remove the environment and the caches
	rm -rf $(VENV) build dist site .mypy_cache .pytest_cache .ruff_cache

$(VENV_PYTHON):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	    echo "lit-idim needs Python >= 3.10, but $(PYTHON) is" \
	        "$$($(PYTHON) --version 2>/dev/null || echo missing); name another one: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; \
	    exit 2; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "the module venv is missing or broken (Debian: apt install python3-venv)" >&2; exit 2; }

# One environment, filled as far as a target needs; a stamp tells that constraints and dependencies are as installed.
$(VENV)/installed-study: pyproject.toml $(CONSTRAINTS) | $(VENV_PYTHON)
	@echo "installing into $(VENV): minutes the first time"
	$(VENV_PYTHON) -m pip install --quiet --constraint $(CONSTRAINTS) --editable .
	@touch $@

$(VENV)/installed-test $(VENV)/installed-dev $(VENV)/installed-docs: $(VENV)/installed-%: pyproject.toml $(CONSTRAINTS) | $(VENV_PYTHON)
	@echo "installing into $(VENV): minutes the first time"
	$(VENV_PYTHON) -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[$*]'
	@touch $@
