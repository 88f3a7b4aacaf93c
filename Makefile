# Every command of the project. `make help` lists them; each makes what it needs first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CDK := node_modules/.bin/cdk
CDK_INSTALLED := node_modules/.installed
STAGE ?= dev
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
# Seconds for one file: aws_cdk has files of megabytes.
export UV_COMPILE_BYTECODE_TIMEOUT := 600
# jsii takes the major versions that it shall not warn about.
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 20,21,22,23,24,25,26
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := $(JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION)
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := $(JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION)

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## ---- set-up ----------------------------------------------------------------------------------
# aws-cdk-lib and aws-cdk-cloud-assembly-schema both bring aws_cdk/cloud_assembly_schema, but only that of aws-cdk-lib goes with
# the names of its types. uv writes packages side by side, so it is chance whose stays. aws-cdk-lib is written again, last.
define sync
	@$(BIN)/uv pip sync --quiet --python $(1)/bin/python --require-hashes $(2)
	@$(BIN)/uv pip install --quiet --python $(1)/bin/python --require-hashes --no-deps --compile-bytecode \
		--reinstall-package aws-cdk-lib -r $(2)
endef

.PHONY: setup
setup: $(INSTALLED) $(CDK_INSTALLED) ## Make the virtual environment and install the pinned CDK CLI

$(INSTALLED): requirements-uv.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or later is needed, got {v[0]}.{v[1]}: set PYTHON=/path/to/python3.11")'
	@echo "Installing the Python packages into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	$(call sync,$(VENV),requirements-dev.txt)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(CDK_INSTALLED): package.json package-lock.json
	@command -v node >/dev/null || { echo "Node 20 or later is needed, got no node command" >&2; exit 1; }
	@node -e 'const v = process.versions.node; if (+v.split(".")[0] < 20) { console.error(`Node 20 or later is needed, got $${v}`); process.exit(1) }'
	@echo "Installing the CDK CLI into node_modules ..."
	@npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: lock
lock: $(INSTALLED) ## Compile the hash-pinned lock files anew
	@compile="$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-annotate --custom-compile-command 'make lock'"; \
	eval "$$compile requirements-uv.in -o requirements-uv.txt"; \
	eval "$$compile pyproject.toml --extra cdk --extra local -c requirements-uv.txt -c requirements-cdk.in -o requirements.txt"; \
	eval "$$compile pyproject.toml --extra cdk --extra local --group dev -c requirements.txt -o requirements-dev.txt"; \
	eval "$$compile --group docs -c requirements-dev.txt -o requirements-docs.txt"; \
	eval "$$compile lambdas/order_api/requirements.in -c requirements-dev.txt -o lambdas/order_api/requirements.txt"; \
	eval "$$compile pyproject.toml $(EXAMPLE)/requirements.in --extra cdk --extra local --extra testing -c requirements-dev.txt -o $(EXAMPLE)/requirements.txt"; \
	eval "$$compile requirements-oldest.in -o requirements-oldest.txt"; \
	eval "$$compile --group release -o requirements-release.txt"; \
	eval "$$compile benchmarks/requirements.in -c requirements.txt -o benchmarks/requirements.txt"; \
	eval "$$compile benchmarks/correctness/requirements.in -c benchmarks/requirements.txt -o benchmarks/correctness/requirements.txt"; \
	for lock in emulator functions; do eval "$$compile tsunagu/local/locks/$$lock.in -o tsunagu/local/locks/$$lock.txt"; done

## ---- see it work -----------------------------------------------------------------------------
.PHONY: demo
demo: setup ## Deploy to the embedded cloud and drive real messages through every flow (FLOW=name drives one, KEEP=1 leaves it running)
	@exec $(BIN)/python -m cdk_app.demo $(if $(KEEP),--keep) $(if $(FLOW),--flow $(FLOW))

# Another team's repository, with the built wheel in an environment of its own. The cloud is stopped, whatever happens.
EXAMPLE := examples/warehouse
EXAMPLE_VENV := .tsunagu/example
.PHONY: example
example: wheel ## Another team's repository with the built wheel: lint, types, tests, deployment, messages through three flows (4 minutes)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(EXAMPLE_VENV)
	$(call sync,$(EXAMPLE_VENV),$(EXAMPLE)/requirements.txt)
	@$(BIN)/uv pip install --quiet --python $(EXAMPLE_VENV)/bin/python --no-deps "$$(ls -t dist/tsunagu-*.whl | head -n 1)"
	@unset VIRTUAL_ENV; export PATH="$(CURDIR)/$(EXAMPLE_VENV)/bin:$(CURDIR)/node_modules/.bin:$$PATH"; cd $(EXAMPLE); \
	ruff check . && ruff format --check . && mypy && pytest && \
	trap 'tsunagu down' EXIT && tsunagu up && eval "$$(tsunagu env)" && python drive.py

.PHONY: dev
dev: setup ## The order service on 127.0.0.1 with reload, and its queue (PORT=8000, MESSAGES=file of JSON lines)
	@exec $(BIN)/python -m cdk_app.dev $(if $(PORT),--port $(PORT)) $(if $(MESSAGES),--messages $(MESSAGES))

## ---- tests -----------------------------------------------------------------------------------
# Tests run on one worker more than there are cores: those that drive a cloud mostly wait. tests/groups.py says which of
# them share a worker.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
PYTEST := $(BIN)/pytest --numprocesses=$(WORKERS) --dist=loadgroup --no-loadscope-reorder
COVERAGE := --cov --cov-report=

.PHONY: test
test: lint ## Lint, types, import rules, unit, snapshot, integration and end-to-end tests (13 minutes on two cores)
	@rm -f $(TYPES_LOG)
	@$(MAKE) --no-print-directory --jobs=2 --keep-going types-aside all-tests || failed=$$?; \
	cat $(TYPES_LOG); exit $${failed:-0}

# Types are checked beside the tests, and what mypy says is kept apart from what pytest says.
TYPES_LOG := .tsunagu/types.log
.PHONY: types-aside
types-aside: setup
	@mkdir -p $(dir $(TYPES_LOG))
	@$(BIN)/mypy > $(TYPES_LOG) 2>&1

.PHONY: all-tests
all-tests: setup
	@$(PYTEST) -m "not slow"

.PHONY: coverage
coverage: setup ## The share of the code that tests run: at least 90 % (the tests take nearly twice as long meanwhile)
	@$(PYTEST) -m "not slow" --ignore=tests/e2e $(COVERAGE)
	@$(COVERAGE_LINE)

COVERAGE_LINE = total=$$($(BIN)/coverage report --format=total) && echo "coverage: $$total %"

.PHONY: lint
lint: setup ## Ruff: rules and format; hadolint: Dockerfiles
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/hadolint $$(find lambdas -name 'Dockerfile*')

.PHONY: types
types: setup ## mypy --strict
	@$(BIN)/mypy

.PHONY: unit
unit: setup ## Every test but the end-to-end ones
	@$(PYTEST) -m "not slow" --ignore=tests/e2e

.PHONY: e2e
e2e: setup ## End-to-end tests on the embedded cloud, with IAM enforced
	@$(PYTEST) -m "not slow" tests/e2e

.PHONY: quick
quick: setup ## The runtime alone, in under a minute: its rules of style, its tests, the import rules
	@$(BIN)/ruff check .
	@$(PYTEST) -m "not slow" --quiet tests/tsunagu/runtime tests/tsunagu/contracts tests/architecture

.PHONY: watch
watch: setup ## `make quick`, again after each change of a Python file
	@exec $(BIN)/watchfiles --filter python "$(MAKE) --no-print-directory quick" tsunagu lambdas cdk_app tests

# An environment of the oldest versions that a consumer may have.
OLDEST := .tsunagu/oldest
OLDEST_INSTALLED := $(OLDEST)/.installed

$(OLDEST_INSTALLED): requirements-oldest.txt | setup
	@echo "Installing the oldest supported packages into $(OLDEST) ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(OLDEST)
	$(call sync,$(OLDEST),requirements-oldest.txt)
	@touch $@

# CDK's own validation is off, as in the other tests: in these versions, only the environment can turn it off.
.PHONY: test-oldest
test-oldest: export CDK_VALIDATION := false
test-oldest: $(OLDEST_INSTALLED) ## Constructs, adapters and the command with the oldest packages that consumers may have (3 minutes)
	@$(OLDEST)/bin/python -m pytest --numprocesses=$(WORKERS) --dist=loadgroup -m "not slow" \
		tests/tsunagu/cdk tests/tsunagu/cli tests/integration

.PHONY: test-long
test-long: setup ## What takes too long for every change: two crashes in the explorer, thousands of messages under faults, mutants
	@$(BIN)/pytest tests/correctness
	@$(PYTEST) -m slow --ignore tests/correctness
	@$(MAKE) --no-print-directory coverage
	@$(MAKE) --no-print-directory mutation

.PHONY: mutation
mutation: setup ## Change the runtime in small ways: the share that tests see, and what none sees and no list explains
	@$(BIN)/python -m tests.mutation

.PHONY: snapshots
snapshots: setup ## Rewrite the template snapshots and the pictures; read the difference before you commit it
	@$(BIN)/pytest tests/snapshots --snapshot-update
	@$(BIN)/python -m tests.docs.pictures
	@$(BIN)/python -m tests.docs.reference.pages

.PHONY: openapi
openapi: setup ## Rewrite the OpenAPI and AsyncAPI documents; read the difference before you commit it
	@$(BIN)/python -m cdk_app.open_api
	@$(BIN)/python -m cdk_app.order_documents

.PHONY: format
format: setup ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

## ---- documentation ---------------------------------------------------------------------------
# The site needs packages that nothing else needs, so it has an environment of its own.
DOCS := .tsunagu/docs
DOCS_INSTALLED := $(DOCS)/.installed
MKDOCS := NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m mkdocs

$(DOCS_INSTALLED): requirements-docs.txt docsite/package.json docsite/package-lock.json | setup
	@echo "Installing what makes the site into $(DOCS) ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(DOCS)
	@$(BIN)/uv pip sync --quiet --python $(DOCS)/bin/python --require-hashes --compile-bytecode requirements-docs.txt
	@cp docsite/package.json docsite/package-lock.json $(DOCS)
	@npm ci --silent --no-audit --no-fund --prefix $(DOCS)
	@touch $@

.PHONY: docs
docs: $(DOCS_INSTALLED) ## Build the site of the documentation into .tsunagu/site; a broken link fails it
	@$(MKDOCS) build --strict
	@echo "The site is in .tsunagu/site: open index.html, or run make docs-serve"

.PHONY: docs-pages
docs-pages: setup ## Rewrite what pages have from the code, and llms.txt; read the difference before you commit it
	@$(BIN)/python -m tests.docs.reference.pages
	@$(BIN)/python -m benchmarks.cost.pages
	@$(BIN)/python -m docsite.llms

.PHONY: docs-serve
docs-serve: $(DOCS_INSTALLED) ## Serve the site on 127.0.0.1, and build it anew when a page changes (PORT=8000)
	@exec env $(MKDOCS) serve --strict --dev-addr 127.0.0.1:$(or $(PORT),8000)

## ---- benchmarks ------------------------------------------------------------------------------
# None asserts on time: each ends with lines `ratio NAME = VALUE`, to be compared within one run.
BENCH := .tsunagu/benchmarks
BENCH_INSTALLED := $(BENCH)/.installed

$(BENCH_INSTALLED): benchmarks/requirements.txt | setup
	@echo "Installing what the benchmarks compare with into $(BENCH) ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(BENCH)
	@$(BIN)/uv pip sync --quiet --python $(BENCH)/bin/python --require-hashes --compile-bytecode benchmarks/requirements.txt
	@touch $@

.PHONY: bench-idempotency
bench-idempotency: setup $(BENCH_INSTALLED) ## Batches of new messages: ours, Powertools, the plain put (4 minutes)
	@$(BIN)/python -m benchmarks.idempotency

.PHONY: bench-cold-start
bench-cold-start: setup $(BENCH_INSTALLED) ## Starts of the functions of payments and orders beside bare clients
	@$(BIN)/python -m benchmarks.cold_start

.PHONY: bench-web
bench-web: setup ## Requests a second of a web application: ours and plain Mangum, in turn in one process
	@$(BIN)/python -m benchmarks.web

.PHONY: bench-throughput
bench-throughput: setup ## Messages a second on the embedded cloud: ours and a plain lock (2 minutes)
	@$(BIN)/python -m benchmarks.throughput

.PHONY: bench-correctness
bench-correctness: setup ## Payments lost and doubled under kills and faults: ours, a plain lock, Powertools (6 minutes)
	@$(BIN)/python -m benchmarks.correctness

.PHONY: bench-synth
bench-synth: setup ## A synth of the example beside hand-written CDK code, and of functions with large dependencies (2 minutes)
	@$(BIN)/python -m benchmarks.synth

.PHONY: bench-cost
bench-cost: setup ## List price of a million messages, requests and ticks by pattern, beside the plain design (PATTERN=receive-once: one)
	@$(BIN)/python -m benchmarks.cost $(PATTERN)

.PHONY: bench-pipeline-cost
bench-pipeline-cost: setup ## List price of a million requests through the pipeline: payloads inline and in S3, by size
	@$(BIN)/python -m benchmarks.pipeline_cost

.PHONY: bench-schedule
bench-schedule: setup ## List price of a month of ticks, run and skipped: the state machine and a Lambda guard
	@$(BIN)/python -m benchmarks.schedule

.PHONY: bench-accept
bench-accept: setup ## Time until a 202 beside a synchronous function
	@$(BIN)/python -m benchmarks.accept

## ---- the app ---------------------------------------------------------------------------------
.PHONY: synth diff deploy
synth: setup ## Synthesize the templates of STAGE (default dev)
	@$(CDK) synth --quiet -c stage=$(STAGE)

diff: setup ## Compare STAGE with what is deployed
	@$(CDK) diff -c stage=$(STAGE)

deploy: setup ## Deploy STAGE to the AWS account of the environment
	@$(CDK) deploy --all -c stage=$(STAGE)

.PHONY: wheel
wheel: setup ## Build the wheel into dist/
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist .

RELEASE := .tsunagu/release
RELEASE_INSTALLED := $(RELEASE)/.installed

$(RELEASE_INSTALLED): requirements-release.txt | setup
	@echo "Installing the tools of a release into $(RELEASE) ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(RELEASE)
	@$(BIN)/uv pip sync --quiet --python $(RELEASE)/bin/python --require-hashes requirements-release.txt
	@touch $@

.PHONY: release-check
release-check: setup $(RELEASE_INSTALLED) ## Build wheel and sdist, look at them, and test that very wheel on each Python of this machine (10 minutes)
	@$(BIN)/python -m release

.PHONY: upgrade-baseline
upgrade-baseline: setup ## Store the release REF, against which the next ones are checked (after each release)
	@$(BIN)/python -m tests.upgrade.baseline $(or $(REF),$(error REF must name the release, such as v1.2.0))

.PHONY: clean
clean: ## Remove what the commands made (the locks stay)
	@rm -rf $(VENV) node_modules .tsunagu cdk.out dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
