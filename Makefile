# Every target bootstraps what it needs: a virtual environment, and Debian packages when root.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: run demo test test-all lint bench docs messages wasm lab down clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
WORKERS ?= 3
ONLY ?=

run: $(STAMPS)/venv
	@PYTHONPATH=examples/todo $(BIN)/python -m todo.demo

demo: $(STAMPS)/venv $(STAMPS)/packages
	@$(BIN)/holdfast demo

test: lint $(STAMPS)/packages
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not every"

test-all: lint $(STAMPS)/packages
	HOLDFAST_EVERY_STEP=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile

lint: $(STAMPS)/venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMPS)/venv $(STAMPS)/packages
	PYTHONPATH=tests $(BIN)/python -m bench $(ONLY)

docs: $(STAMPS)/venv
	$(BIN)/python -m holdfast.report.control_pages docs

messages: $(STAMPS)/venv
	cd src/holdfast/accounts && ../../../$(BIN)/django-admin makemessages -l de --no-location
	cd src/holdfast/accounts && ../../../$(BIN)/django-admin compilemessages

wasm: $(STAMPS)/packages
	$(MAKE) -C native wasm

lab: $(STAMPS)/venv $(STAMPS)/packages
	$(BIN)/holdfast lab up

down: $(STAMPS)/venv
	$(BIN)/holdfast lab down --all

# The virtual environment holds the versions of the lock file, so that a test result can be repeated.
$(STAMPS)/venv: pyproject.toml requirements-test.lock $(wildcard native/*.c native/*.h native/*.py) | $(STAMPS)/packages
	@mkdir -p $(STAMPS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "holdfast: $(PYTHON) is older than 3.11: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy python3-venv; \
	  else echo "holdfast: Debian package missing: python3-venv" >&2; exit 2; fi; fi
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --upgrade pip
	@$(BIN)/python -m pip install -q -r requirements-test.lock
	@$(BIN)/python -m pip install -q --no-deps -e .
	@touch $@

$(STAMPS)/packages: lab-packages.txt
	@mkdir -p $(STAMPS)
	@missing=$$(comm -23 <(sort lab-packages.txt) <(dpkg-query -W -f '$${Package} $${Provides} $${db:Status-Status}\n' 2>/dev/null | sed -n 's/([^)]*)//g; s/ installed$$//p' | tr -s ', ' '\n' | sort -u) | tr '\n' ' '); \
	if [ -n "$${missing// /}" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; \
	  else echo "holdfast: Debian packages missing, what needs them is skipped: $$missing" >&2; exit 0; fi; fi
	@touch $@

clean:
	rm -rf $(VENV) $(STAMPS)
