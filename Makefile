# Needs Python 3.10 or newer and make; everything else goes into .venv, in the versions of requirements.lock.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
# Where it is set, every program that a test or a benchmark starts compiles all of pomhealth anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo test check verdicts bench image docs lock clean

help: ## list what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

.venv/.complete: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "pomhealth needs Python 3.10 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.x")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/.complete ## a replica with a real Envoy and a real PostgreSQL, and the agent beside it
	@exec $(BIN)/pomhealth demo

# Half of their time is waiting, so three at a time keep two cores busy.
test: .venv/.complete ## the tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: .venv/.complete ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

verdicts: .venv/.complete ## the short benchmark: half a minute of churn; fails on a wrong verdict alone
	$(BIN)/python -m bench --short

bench: .venv/.complete ## the benchmarks, each beside its peer
	$(BIN)/python -m bench

image: .venv/.complete ## the images, built and run, and compose.yaml: needs root, podman and debootstrap; takes two minutes
	POMHEALTH_DEBIAN=.venv/debian13 $(BIN)/python -m pytest tests/docker -rs

docs: .venv/.complete ## all that is made from the code: lists of checks, proofs and metrics, supervisors' files, deploy/, manual
	$(BIN)/python -m pomhealth.catalogue.docs
	$(BIN)/python -m pomhealth.generate.defaults
	$(BIN)/python -m pomhealth.manual
	$(BIN)/python -m pomhealth.report.schemas docs/schemas
	$(BIN)/python -m tests.metrics.page
	$(BIN)/python -m tests.proofs

lock: .venv/.complete ## newer versions of everything into requirements.lock, and what runs of it into requirements-runtime.lock
	$(PYTHON) -m venv .venv/uv && .venv/uv/bin/pip install --quiet uv
	.venv/uv/bin/uv pip compile pyproject.toml --universal --all-extras --generate-hashes --no-emit-index-url \
	  --no-header --python-version 3.10 --upgrade --quiet -o requirements.lock
	.venv/uv/bin/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.10 -c requirements.lock --quiet -o requirements-runtime.lock

clean: ## remove what was made
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
