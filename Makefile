# Everything that a person or CI does with this checkout. `make` alone lists the targets.
#
# Tools live inside the checkout (.venv, .tools) at the versions that tests/tools/versions and
# tests/requirements.txt pin. Only Debian's packages (tests/tools/install-debian) go to the system.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export SAM_CLI_TELEMETRY := 0
export ARCHITECTURE
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.tools/bin:$(PATH)

# Arguments for `berth serve` or for the benchmark: make run ARGS="--data-dir /srv/berth"
ARGS ?=
# More options for pytest: make e2e PYTEST_ARGS="-k skopeo"
PYTEST_ARGS ?=
RESULTS ?= test-results
# The functions' processor, in Lambda's words: arm64 or x86_64.
ARCHITECTURE ?= arm64
HOST_ARCHITECTURE := $(subst aarch64,arm64,$(shell uname -m))

VENV := .venv/.installed
DYNAMODB := .tools/dynamodb-local/installed.xml
TOOLS := .tools/.installed
PYTEST := .venv/bin/python -m pytest

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: ## Start the registry on this machine (ARGS="--data-dir DIR" and so on)
	cargo run --release --bin berth -- serve $(ARGS)

.PHONY: check
check: lint test ## Lint, then test: what to run before a review

.PHONY: lint
lint: lint-rust lint-dependencies lint-python lint-template ## Check format, lints, dependencies and the template

.PHONY: lint-rust
lint-rust:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

# Advisories are left out: their database is a git repository, which not every machine reaches.
.PHONY: lint-dependencies
lint-dependencies: $(VENV)
	cargo-deny check bans licenses sources

.PHONY: lint-python
lint-python: $(VENV)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

.PHONY: lint-template
lint-template: $(VENV) .tools/sam/installed.txt
	.venv/bin/cfn-lint template.yaml edge/template.yaml
	.tools/sam/bin/sam validate --lint --region us-east-1 --template template.yaml
	.tools/sam/bin/sam validate --lint --region us-east-1 --template edge/template.yaml
	.venv/bin/python tests/tools/policies.py template.yaml edge/template.yaml

.PHONY: test
test: $(VENV) test-rust test-python ## Run the Rust tests and the fast Python tests

.PHONY: test-rust
test-rust: $(DYNAMODB) .tools/ministack/installed.txt ## Run the Rust tests alone
	cargo test --workspace --no-fail-fast

.PHONY: test-python
test-python: $(VENV) ## Run the fast Python tests alone, against a debug build
	cargo build --workspace --bins
	BERTH_BINARY=$(CURDIR)/target/debug/berth $(PYTEST) tests/tools $(wildcard tests/api) \
		--junitxml=$(RESULTS)/test.xml $(PYTEST_ARGS)

.PHONY: e2e
e2e: e2e-local e2e-deployed ## Real clients, OCI conformance and fault injection, locally and deployed

.PHONY: e2e-local
e2e-local: $(VENV) $(TOOLS) ## The same against a release build of `berth serve` alone
	tests/tools/install-debian
	cargo build --release --bin berth
	BERTH_BINARY=$(CURDIR)/target/release/berth $(PYTEST) tests/e2e \
		--junitxml=$(RESULTS)/$@.xml $(PYTEST_ARGS)

# The functions that are deployed to AWS are built too, for the processor that they run on there.
.PHONY: e2e-deployed
e2e-deployed: $(VENV) $(TOOLS) .tools/ministack/installed.txt build-functions ## The same against the deployed stack alone
	tests/tools/install-debian
	functions/build $(HOST_ARCHITECTURE) .build/host
	cargo build --workspace --bins
	BERTH_FUNCTIONS=$(CURDIR)/.build/host BERTH_EDGE=$(CURDIR)/target/debug/berth-edge \
		BERTH_BINARY=$(CURDIR)/target/debug/berth $(PYTEST) tests/deployed \
		--junitxml=$(RESULTS)/$@.xml $(PYTEST_ARGS)

.PHONY: build-functions
build-functions: ## Build the functions for Lambda (ARCHITECTURE=x86_64 for that one)
	functions/build $(ARCHITECTURE)

.PHONY: deploy
deploy: ## Deploy to AWS (STACK=berth), see docs/deploying.md
	functions/deploy $(STACK)

.PHONY: smoke
smoke: $(VENV) ## Look whether a deployed registry does what could not be tried here (URL=https://…)
	.venv/bin/python tests/deployed/smoke.py $(URL)

.PHONY: fuzz
fuzz: ## Fuzz the parsers, 30 s each (SECONDS_EACH=600 for longer)
	fuzz/run $(or $(SECONDS_EACH),30)

.PHONY: bench
bench: ## Compare with other registries (see docs/performance.md)
	cargo build --release --bin berth
	cargo run --release -p berth-bench -- $(ARGS)

.PHONY: bench-functions
bench-functions: $(VENV) .tools/ministack/installed.txt ## Measure the functions: start, size, time of invocations
	functions/build $(HOST_ARCHITECTURE) .build/host
	PYTHONPATH=tests/deployed .venv/bin/python tests/bench/functions.py .build/host $(ARGS)

.PHONY: bench-load
bench-load: ## Measure registries of up to a million images (10 GB, see docs/performance.md)
	cargo build --release --bin berth
	cargo run --release -p berth-load -- growth --svg docs/load.svg $(ARGS)

.PHONY: bench-lifecycle
bench-lifecycle: ## Measure a lifecycle policy that deletes 99,000 images of a repository
	rm -rf target/load/one
	cargo run --release -p berth-load -- fill --images 100000
	cargo run --release -p berth-load -- expire --images 1000

.PHONY: tools
tools: $(VENV) $(TOOLS) ## Install what tests, lints and e2e use
	tests/tools/install-debian

.tools/%/installed.txt: tests/tools/%.txt
	tests/tools/install-isolated $*

$(VENV): tests/requirements.txt
	tests/tools/install-python

$(TOOLS): tests/tools/versions tests/tools/install-go $(wildcard tests/e2e/oras/go.*) $(wildcard tests/e2e/oras/*.go)
	tests/tools/install-go

$(DYNAMODB): tests/tools/dynamodb-local/pom.xml tests/tools/install-dynamodb-local
	tests/tools/install-dynamodb-local
	touch $@
