# 254Carbon. Needs Python >= 3.11 and make; everything else goes into .venv.
#
#   make run [ONCE=1]   the demo: ingest the samples, print the board, serve the API (ONCE=1 stops after the table)
#   make test           every test, with a real Postgres from a pip package
#   make install        only set up .venv
#   make check          what CI runs: format, lint, types, layers, tests, packaging
#   make format         let ruff rewrite what it can
#   make lock           resolve pyproject.toml into requirements/ again (UPGRADE=1 for newer versions)
#   make clean          remove what the above made, except the data

PYTHON ?= python3
BIN    := .venv/bin
STAMP  := .venv/.installed

# Wheels only: a source distribution would build with tools that no lock file names.
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: run install test check format lint types layers packaging lock clean

install: $(STAMP)

$(STAMP): requirements/build.txt requirements/dev.txt pyproject.toml hatch_build.py
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("254Carbon needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	@echo "Setting up .venv"
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes --only-binary :all: -r requirements/build.txt -r requirements/dev.txt
	$(PIP) install --no-build-isolation --no-deps --no-index --editable .
	@touch $@

run: install
	$(BIN)/carbon254 demo --data data-demo --port 8254 $(if $(filter 1,$(ONCE)),--once)

test: install
	$(BIN)/pytest --numprocesses 2 --dist loadfile

check: lint types layers packaging test

lint: install
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: install
	$(BIN)/mypy

layers: install
	$(BIN)/lint-imports

packaging: install
	$(BIN)/python .ci/check_packaging.py

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: install
	.ci/lock $(if $(filter 1,$(UPGRADE)),--upgrade)

clean:
	rm -rf .venv .links dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage
