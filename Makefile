# The one runner. `make help` prints what it can do; every target works in a fresh clone.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TRAIN_STAMP := $(VENV)/.trainer-installed
TORCH := torch==2.13.0
MODELS := var/models
WEB := web/out/csp.json
WEB_MODULES := web/node_modules/.package-lock.json
LIGHTHOUSE := tests/web/lighthouse
WEB_SOURCES = $(wildcard web/*.json web/*.ts web/*.mjs) $(shell find web/src web/public web/scripts -type f ! -name schema.ts ! -name '*.test.*')

.DEFAULT_GOAL := help
.PHONY: help setup setup-train web demo up test test-fast nightly pictures check fix bench chaos simulate cluster migrate migration client docs lock

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# --no-deps: the lock is complete; a resolver would look for newer releases (pip 23 does, for extras) and fail.
$(STAMP): requirements/dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "needs Python 3.11 as '$(PYTHON)': say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

setup: $(STAMP) ## Make the environment in .venv (hash-locked; about a minute)

# The lock first: then torch finds all that it needs but its own build (CPU or CUDA), which the index decides.
$(TRAIN_STAMP): requirements/train.lock $(STAMP)
	@echo "installing $(TORCH) and TRL: 1.1 GB on disk for a CPU, several with CUDA"
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/train.lock
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH)"
	@touch $@

setup-train: $(TRAIN_STAMP) ## Add PyTorch and TRL (make setup-train TORCH_INDEX=URL takes torch from there)

# npm writes the first file last of all, the build the second one: where it stands, all of it does.
$(WEB_MODULES): web/package-lock.json | $(STAMP)
	web/scripts/with-node.sh ci --no-audit --no-fund --loglevel=error
	@touch $@

$(WEB): $(WEB_MODULES) $(WEB_SOURCES)
	@rm -f $@
	web/scripts/with-node.sh run --silent build

web: $(WEB) ## Build the web app, where something changed (Node comes from PyPI where there is none)

demo: setup-train web ## The main job: a team of agents on the bundled model, live, into var/demo
	$(BIN)/camel-ext demo

up: setup web ## Serve the web app and the API at http://127.0.0.1:8000
	$(BIN)/camel-ext up

test: setup-train web ## All tests, also the slow ones with real services and the real model
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not nightly"

test-fast: setup ## The tests without real services: about four minutes on 2 cores
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not gpu"

$(LIGHTHOUSE)/node_modules/.package-lock.json: $(LIGHTHOUSE)/package-lock.json | $(STAMP)
	web/scripts/with-node.sh --prefix ../$(LIGHTHOUSE) ci --no-audit --no-fund --loglevel=error
	@touch $@

nightly: setup-train web $(LIGHTHOUSE)/node_modules/.package-lock.json ## What takes too long for each change: pictures, Lighthouse, the web app over a million calls
	$(BIN)/python -m pytest -m nightly --durations=0
	$(BIN)/python -m bench.web

pictures: setup-train web ## Write the kept pictures of all pages anew (tests/web/pictures): look at them
	$(BIN)/python -m pytest -q tests/web/test_pictures.py -k looks_as_it_did --write-pictures

check: setup $(WEB_MODULES) ## Style, types, floors, dependencies, spelling, schema, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell
	$(BIN)/python migrations/check_schema.py
	$(BIN)/python -m pytest -q --durations=0 tests/test_architecture.py tests/test_contracts.py
	web/scripts/with-node.sh run --silent check

fix: setup ## Mend what a machine can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure one goal: make bench g=turn
	$(BIN)/python -m bench.$(g)

chaos: setup ## 200 trials of each fault, going on where it was cut: make chaos; make chaos kind=broker n=50 jobs=2
	$(BIN)/python -m tests.chaos.kinds $(foreach each,$(kind),--kind $(each)) --n $(or $(n),200) --jobs $(or $(jobs),1)

simulate: setup ## Histories by seed, on virtual time: make simulate seeds=10000; make simulate seeds=1 first=4711
	$(BIN)/python -m tests.simulator $(or $(seeds),500) --first $(or $(first),0)

cluster: setup-train ## A whole cluster on this machine: the demo's loop to a certificate while everything is killed
	$(BIN)/python -m tests.cluster.demo --seed $(or $(seed),1)

migrate: setup ## Bring the configured database up to date
	$(BIN)/python migrations/bring_up.py

migration: setup ## Write the next revision from the models: make migration m="Add cost"
	$(BIN)/python migrations/make_revision.py "$(m)"

client: setup ## Write the asyncio client anew from the other one
	$(BIN)/python clients/python/write_async.py

docs: setup ## Write the reference pages in docs/ (errors, settings, event types, openapi.json) anew
	$(BIN)/python docs/write_reference.py

lock: setup ## Resolve requirements/dev.lock and train.lock anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra local --extra postgres --extra redis --extra objects --extra celery --extra parquet --extra gui --extra notify --extra dev --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --quiet --output-file requirements/dev.lock
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["train"], sep="\n")' \
	| $(BIN)/uv pip compile - --python-version 3.11 --constraint requirements/dev.lock \
		--generate-hashes --no-annotate --no-header --quiet \
	| awk '/^[^ ]/ {keep = !/^(torch|triton|nvidia-|cuda-)/} keep' > requirements/train.lock
