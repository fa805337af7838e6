# `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast lint docs bench bench-quick lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(BIN)/.installed  ## Make .venv and install emo with its dependencies, as locked

$(BIN)/.installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "emo needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	touch $@

demo: setup  ## Enrol the virtual participants, run the pipeline, print a summary
	emo demo
	dvc repro
	emo summary

test: setup  ## Run all tests
	python -m pytest --numprocesses auto --dist loadfile

test-fast: setup  ## Run the fast tests only: none that starts DVC, Git or a program
	python -m pytest --numprocesses auto --dist loadfile -m "not slow"

lint: setup  ## Check style and types
	ruff check .
	ruff format --check .
	mypy

docs: setup  ## Write the pages that list all commands, settings and audit checks
	python -m docs.reference

bench: setup .venv-peers/.installed  ## Measure emo against peers and limits: 20 minutes on two idle cores, 25 the first time
	python benchmarks --peers .venv-peers/bin/python

bench-quick: setup  ## Run all benchmarks on small samples, without the peers: shows that they work, 3 minutes
	python benchmarks --quick

.venv-peers/.installed: benchmarks/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/peers.txt
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --no-deps imagededup==0.3.3.post2
	touch $@

lock:  ## Renew requirements.lock: the newest versions that pyproject.toml allows
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet '.[dev,pretrained]' torch==2.13.0
	$(VENV)-lock/bin/pip freeze --exclude emo | sed 's/+cpu//' > requirements.lock
	rm -rf $(VENV)-lock

clean:  ## Remove the environment, all caches and everything that can be built again; raw/ stays
	rm -rf $(VENV) .venv-peers .emo data/frames data/faces data/dataset data/*.parquet models .pytest_cache .mypy_cache .ruff_cache
