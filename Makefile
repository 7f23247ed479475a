# Every way this project is built, checked and measured. Bare `make` lists them.
#
# `work` is Go's name for all packages of all modules in go.work, here the
# library, cmd/aio, bench, contrib and interop.

FUZZTIME ?= 20s
BENCH    ?= .
BENCHTIME ?= 0.3s
COUNT    ?= 6
ROUNDS   ?= 5
ROWS     ?= all
PYTHON   ?= /usr/bin/python3
BIN      := .bin
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.DEFAULT_GOAL := help
.PHONY: help check test race fuzz bench bench-peers bench-http bench-io cover lint vuln examples demo parity \
	format vet staticcheck platforms arch fallback

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

check: format vet staticcheck arch platforms race fallback ## everything a change must pass

test: ## run all tests of all modules
	go test work

race: ## run all tests under the race detector
	go test -race work

fuzz: ## run every fuzz target for FUZZTIME (20s)
	@grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do \
		sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' "$$file" | while read -r name; do \
			echo "$$name in $$(dirname "$$file")"; \
			go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
		done || exit 1; \
	done

# Each of the COUNT passes runs every benchmark once, so that a machine that is slow
# for a while is slow for all of them alike.
bench: $(BIN)/benchstat ## benchmark BENCH (.) against other Go code, COUNT (6) times, as a table
	go test -c -o $(BIN)/bench.test ./bench
	@rm -f $(BIN)/bench.out
	@for pass in $$(seq $(COUNT)); do \
		$(BIN)/bench.test -test.run '^$$' -test.bench '$(BENCH)' -test.benchtime $(BENCHTIME) -test.cpu 1,2 \
			| tee -a $(BIN)/bench.out || exit 1; \
	done
	$(BIN)/benchstat -col /impl $(BIN)/bench.out

bench-peers: ## compare with Python, wrk, curl, wget2: ROWS (all), ROUNDS (5)
	@go run ./bench/peers -rows $(ROWS) -rounds $(ROUNDS) -python $(PYTHON)

bench-http: ## the HTTP client's rows of bench-peers
	@$(MAKE) --no-print-directory bench-peers ROWS=get100B,getOne,get10KiB,get1MiB,reuse1MiB,h2get100B,h2get10KiB,h2get1MiB,waiting

bench-io: ## the TCP rows of bench-peers: echo, idle connections, accepting
	@$(MAKE) --no-print-directory bench-peers ROWS=echo64B,echo16KiB,idle,accept

cover: ## test coverage of the library, by function and in total
	@mkdir -p $(BIN)
	go test -coverpkg ./... -coverprofile $(BIN)/cover.out ./...
	go tool cover -func $(BIN)/cover.out | tee $(BIN)/cover.txt | tail -n 1

lint: format vet staticcheck arch vuln ## the static checks alone

examples: ## run every example program and example function
	go test -run 'Example' -v ./...
	go test ./examples/...

demo: ## fetch from the built-in demo server: the main job, with no network
	go run ./cmd/aio fetch --demo

parity: ## record again what CPython prints for the programs in testdata/parity
	$(PYTHON) asyncio/testdata/parity/record.py

# The parts of check and lint.

format:
	@unformatted=$$(gofmt -l . ) && [ -z "$$unformatted" ] || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }

vet:
	go vet work
	GOOS=darwin go vet work
	GOOS=windows go vet work

staticcheck: $(BIN)/staticcheck
	$(BIN)/staticcheck work

arch:
	go test ./internal/archtest

# The poller for systems without a native one, under everything that uses sockets.
fallback:
	go test -tags aio_fallback ./asyncio ./aiohttp/... ./internal/sock ./aiotest

platforms:
	@for p in $(PLATFORMS); do \
		echo "go build for $$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 go build -o /dev/null ./... ./cmd/aio/... || exit 1; \
	done

# The vulnerability database is read from the network. Where it cannot be
# reached there is nothing to say about vulnerabilities, good or bad.
vuln: $(BIN)/govulncheck
	@if out=$$($(BIN)/govulncheck ./... 2>&1); then echo "$$out"; \
	elif echo "$$out" | grep -qiE 'fetching|dial tcp|no such host|lookup |connection refused'; then \
		echo "govulncheck: skipped, its database cannot be reached from here"; \
	else echo "$$out"; exit 1; fi

# Programs from the module in tools/, which pins their versions.
$(BIN)/%: tools/go.mod tools/go.sum
	@mkdir -p $(BIN)
	@echo "building $(notdir $@)"
	@GOWORK=off go -C tools build -o ../$(BIN)/ tool
	@touch $(BIN)/*
