# The verbs of this repository. `make` alone lists them.

CARGO ?= cargo
PYTHON ?= python3
# Where `make install` puts the provider; Terraform and OpenTofu look there by themselves.
PLUGINS ?= $(HOME)/.terraform.d/plugins
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

.DEFAULT_GOAL := help
.PHONY: help quickstart build install fmt lint generate docs test testacc bench check deny tools

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

quickstart: ## See coffer work with a real Terraform, start to end
	@$(PYTHON) scripts/quickstart.py

build: ## Build the release binary (target/release)
	$(CARGO) build --release --locked

install: build ## Install the release binary as a local provider (PLUGINS=<dir> for another place)
	@$(PYTHON) scripts/install.py "$(PLUGINS)" "$(VERSION)"

fmt: ## Format code and examples
	$(CARGO) fmt
	@$(PYTHON) scripts/terraform_fmt.py --write

lint: ## Formatting and clippy, warnings are errors
	$(CARGO) fmt --check
	@$(PYTHON) scripts/terraform_fmt.py
	$(CARGO) clippy --locked --all-targets -- -D warnings

deny: ## Bans, licences and sources of the dependencies
	@$(PYTHON) scripts/deny.py

generate: docs ## Everything that is generated

docs: ## Write docs/ from the schema
	$(CARGO) run --locked --quiet -- docs

check: lint deny ## What must hold before tests: formatting, lints, dependencies, generated files
	$(CARGO) run --locked --quiet -- docs --check

tools: ## Install the CLIs that the tests drive (target/tools)
	@echo "Tools:"
	@$(PYTHON) scripts/tools.py

test: tools ## All tests, the acceptance tests with every CLI that can be had included
	@$(PYTHON) scripts/test.py

testacc: tools ## Only the acceptance tests (FILTER=<name> for some of them)
	@$(PYTHON) scripts/test.py acceptance::$(FILTER)

bench: ## The speed and memory figures (BENCH=aws, many or sync for some of them)
	$(CARGO) bench --locked $(if $(BENCH),--bench e2e -- $(BENCH))
