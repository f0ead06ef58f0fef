# What a person or a build server does with this repository. `make` alone lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The tools of tools.mod, built once for each version of tools.sum and of Go. See docs/decisions/0002-pinned-tools.md.
TOOLS := bin/tools/$(shell { cat tools.mod tools.sum; go env GOVERSION; } | sha256sum | cut -c1-16)
LINT := $(TOOLS)/golangci-lint
FUMPT := $(TOOLS)/gofumpt

.PHONY: help
help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/arpenteur
	go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/arpenteur ./cmd/arpenteur

.PHONY: demo
demo: build ## show a walk of an estate from capture to report; ONCE=1 ends when it has been shown once
	bin/arpenteur demo $(if $(filter 1,$(ONCE)),--once)

.PHONY: test
test: ## run all tests, then those of engine, client and server under the race detector; REQUIRE_ALL=1 fails what is skipped
	@.ci/test

.PHONY: lint
lint: lint-format lint-vet lint-code lint-modules lint-text ## check form, layers, modules and documents; `make -k lint` shows all findings

.PHONY: lint-format
lint-format: $(TOOLS)
	@files=$$($(FUMPT) -l .); [ -z "$$files" ] || { printf 'gofumpt: run make format for\n%s\n' "$$files"; exit 1; }

.PHONY: lint-vet
lint-vet:
	go vet ./...

.PHONY: lint-code
lint-code: $(TOOLS)
	$(LINT) run ./...

.PHONY: lint-modules
lint-modules:
	go mod tidy -diff

.PHONY: lint-text
lint-text:
	@.ci/lint-text

.PHONY: format
format: $(TOOLS) ## format all Go files with gofumpt
	$(FUMPT) -w .

.PHONY: tools
tools: $(TOOLS) ## build the pinned tools into bin/tools, and say where

$(TOOLS):
	@echo "building the pinned tools into $(TOOLS); this takes a few minutes the first time"
	@rm -rf bin/tools
	@go build -modfile=tools.mod -o $(TOOLS).part/ tool
	@mv $(TOOLS).part $(TOOLS)

.PHONY: bench
bench: ## measure, and print one JSON line for each figure
	@go run ./internal/bench

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (20s)
	@.ci/fuzz

.PHONY: sim
sim: ## simulate tablets, servers, networks and crashes
	go test -count=1 -timeout=30m $(SIMFLAGS) ./syncengine/sim/...

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist coverage.out
