# `make run` and `make test` need only Python >= 3.11 with venv, and make.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8080
DATA ?= data
BIN = .venv/bin

.PHONY: run test check checklist requirements access pictures bench lock clean

run: .venv/run.stamp  ## set up and start everything, with the demo in an empty data folder
	$(BIN)/cayda --data "$(DATA)" serve --demo --host "$(HOST)" --port "$(PORT)"

test: .venv/dev.stamp  ## the whole suite: SQLite and PostgreSQL, real Valkey
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: .venv/dev.stamp  ## style, types, walls, known weaknesses of what we depend on
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.dependencies

checklist: .venv/dev.stamp  ## run the tests of the conformance checklist; write server/CHECKLIST.md
	$(BIN)/python -m pytest -n 2 --dist worksteal --checklist

requirements: .venv/dev.stamp  ## write forms/library/REQUIREMENTS.md: the scheme, rule by rule
	$(BIN)/python -m tests.requirements

access: .venv/dev.stamp  ## write server/ACCESS.md: who may do and see what
	$(BIN)/python -m tests.access_page

pictures: .venv/dev.stamp  ## walk each role's journey through the demo in Chromium; pictures/, and docs/ for the README
	$(BIN)/python -m tests.tour $(ARGS)

# What duplicates are measured against has an environment of its own; other parts do not need it.
OTHERS = $(if $(filter-out people all --%,$(firstword $(ARGS))),,.venv-bench/stamp)

bench: .venv/dev.stamp $(OTHERS)  ## measure; prints a table
	$(BIN)/python -m tests.bench $(ARGS)

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed / Cần Python 3.11 trở lên")'
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.venv/dev.stamp: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@ .venv/run.stamp

.venv-bench/stamp: requirements-bench.lock | .venv/bin/python
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	touch $@

lock: .venv/bin/python  ## write the three lock files anew from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q pyproject.toml --group dev -o requirements-dev.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q --group bench -o requirements-bench.lock

clean:
	rm -rf .venv .venv-bench
