# Every target makes what it needs; a fresh machine needs only Python >= 3.11 with its venv module, and the network.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DATA   ?= data/demo
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check fix bench docs wheel lock

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */\1\t/' | awk -F '\t' '{printf "  make %-7s %s\n", $$1, $$2}'

$(STAMP): locks/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Anju needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement locks/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

demo: $(STAMP)  ## run the product: embedded broker, stores, simulated district, console
	$(BIN)/anju up --demo --data $(DATA)

test: check  ## everything that proves it: style, types, floors, unit to browser tests, the built wheel
	# Its own -m takes the place of the one in pyproject.toml: slow tests run here.
	$(BIN)/python -m pytest -m "not browser and not e2e" -n 2
	$(BIN)/python -m pytest -m "browser or e2e" -p no:randomly

check: $(STAMP)  ## style, types, floor plan, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell domain alerts ingest storage dispatch api runtime scoring simulators tests benchmarks docs README.md CHANGELOG.md
	$(BIN)/anju rules check
	$(BIN)/anju rules test

fix: $(STAMP)  ## format and mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## measure speed, latency, memory and crash safety; figures as ratios
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/latency.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/crash.py
	$(BIN)/python benchmarks/virtual_time.py

docs: $(STAMP)  ## regenerate docs/openapi.json, docs/rules.md and the tables of docs/simulators.md
	$(BIN)/python -m docs.generate

wheel: $(STAMP)  ## build the wheel, install it in a fresh environment and try it from outside the tree
	$(BIN)/python tests/wheel.py

lock: $(STAMP)  ## resolve the dependencies anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --upgrade pyproject.toml --all-extras -o locks/runtime.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --upgrade pyproject.toml --all-extras --group dev -o locks/dev.txt
