# A fresh machine needs Python >= 3.10 with its venv module, and make: `make test` and `make study` set up the rest.
PYTHON ?= python3
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
CONSTRAINTS := constraints.txt
EXTRAS = $*
GPU_OUT := outputs/gpu

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help study test test-fairseq2 lint types format docs benchmark gpu gpu-is-there clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1	/p' $(MAKEFILE_LIST)

study: $(VENV)/installed-study ## run the main job on the toy series: d90 against pretraining step
	$(VENV)/bin/lightning run studies/pretrain_curve.py $(ARGS)

test: $(VENV)/installed-test ## run all tests
	$(VENV_PYTHON) -m pytest --numprocesses 2 --dist loadfile $(ARGS)

# The oldest releases that are supported, beside fairseq2: what takes long is left to `make test`.
test-fairseq2: ## run the tests of fairseq2 and the quick ones of all else, in an environment of its own
	$(MAKE) test VENV=.venv-fairseq2 CONSTRAINTS=constraints-fairseq2.txt EXTRAS=test,fairseq2 \
	    ARGS="-m 'fairseq2 or not (slow or ddp or browser)' $(ARGS)"

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

benchmark: $(VENV)/installed-benchmark ## measure the cost of the projection beside the model and the customary implementation
	$(VENV)/bin/lightning run studies/projection_cost.py $(ARGS)

gpu: gpu-is-there $(VENV)/installed-test $(VENV)/installed-benchmark ## run all that needs a GPU: tests of the kernels, cost of P, profiles of a step; results in outputs/gpu
	@$(VENV_PYTHON) -c 'import sys, torch; torch.cuda.is_available() or sys.exit("make gpu: torch " + torch.__version__ \
	    + " in $(VENV) finds no CUDA device; its CPU build has none, and the driver may be too old for it")'
	@$(VENV_PYTHON) -c 'import triton' || { echo "make gpu: triton is missing in $(VENV): pip install 'lit-idim[triton]'" >&2; exit 2; }
	$(VENV_PYTHON) -m pytest -rs tests/projections/gpu tests/subspace/test_fused_weights.py
	$(VENV)/bin/lightning run studies/projection_cost.py --device cuda --sweep true --out $(GPU_OUT)/projection_cost $(ARGS)
	$(VENV_PYTHON) -m lit_idim.cost.profile roberta-large --device cuda --d 1000 > $(GPU_OUT)/profile-roberta-large.txt
	@cat $(GPU_OUT)/profile-roberta-large.txt
	$(VENV_PYTHON) -m lit_idim.cost.profile checkpoints/mini/step-6144 --device cuda > $(GPU_OUT)/profile-mini.txt
	@cat $(GPU_OUT)/profile-mini.txt
	$(VENV_PYTHON) -m lit_idim.cost.batched 2 1 cuda > $(GPU_OUT)/batched.txt
	@cat $(GPU_OUT)/batched.txt

# Before anything is installed.
gpu-is-there:
	@nvidia-smi -L 2>/dev/null | grep -q GPU || { \
	    echo "make gpu: this machine has no NVIDIA GPU that its driver can see (nvidia-smi -L); 'make benchmark' measures on the CPU" >&2; \
	    exit 2; }

clean: ## remove the environment and the caches
	rm -rf $(VENV) .venv-fairseq2 build dist site .mypy_cache .pytest_cache .ruff_cache

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

$(VENV)/installed-test $(VENV)/installed-dev $(VENV)/installed-docs $(VENV)/installed-benchmark: $(VENV)/installed-%: pyproject.toml $(CONSTRAINTS) | $(VENV_PYTHON)
	@echo "installing into $(VENV): minutes the first time"
	$(VENV_PYTHON) -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[$(EXTRAS)]'
	@touch $@
