# make run     builds and runs Usher on ./usher-data and 127.0.0.1:8080; only Go is needed
# make test    everything that continuous integration runs; the parts are callable alone (make test-go, test-kill, ...)
# make help    lists all of them
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
TOOL    := go tool -modfile=tools/go.mod
PG      := go run ./test/postgres
SUITE   := test/suite.sh
GOFILES  = $$(git ls-files -co --exclude-standard '*.go' | grep -v '_gen.go$$')
# The suites that run the built program stand apart from the tests beside the code.
OUTSIDE := first hostile sdk chatsdk media kill canary foreign compat full carriers
INSIDE   = $$(go list ./... | grep -vE "/test/($(subst $(eval) ,|,$(OUTSIDE)))\$$")

# How much the long suites do; make test KILLS=30 FUZZTIME=60s for more. Inputs are counted: a time limit that ends while a worker is in the middle fails now and then.
KILLS    ?= 3
FUZZTIME ?= 3000x

.PHONY: run
run: ## build and run on ./usher-data, 127.0.0.1:8080
	go run ./cmd/usher serve --data ./usher-data --listen 127.0.0.1:8080

.PHONY: build
build: ## bin/usher: static, stripped, with its version
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/usher ./cmd/usher

.PHONY: web
web: ## web/dist from its sources
	@$(SUITE) 'web build' web bash -c 'cd web && npm run --silent build'

.PHONY: bench
bench: ## speed and memory against the bounds, as a table
	go run ./test/bench

.PHONY: compat
compat: build ## docs/compatibility.md: which operations answer, what passes with the chat libraries
	USHER_BIN=$(CURDIR)/bin/usher go test -count=1 ./test/compat -update
	@$(SUITE) 'chat libraries' 'postgres?,chatsdk' env $(OUTSIDE_GO) ./test/chatsdk -update

# --- tests -----------------------------------------------------------------------------------------------------------

.PHONY: test
test: lint test-web test-go build test-outside test-fuzz test-build ## everything, in the order of continuous integration
	@echo 'make test: all suites passed (what was left out is said above)'

.PHONY: lint
lint: lint-format lint-vet lint-static lint-dead ## format, vet, staticcheck, dead code

.PHONY: lint-format
lint-format:
	@$(SUITE) 'gofumpt' none test/empty.sh 'not formatted; run make format:' bash -c '$(TOOL) gofumpt -l $(GOFILES)'

.PHONY: lint-vet
lint-vet:
	@$(SUITE) 'go vet' none go vet ./...

.PHONY: lint-static
lint-static:
	@$(SUITE) 'staticcheck' none $(TOOL) staticcheck ./...

.PHONY: lint-dead
lint-dead:
	@$(SUITE) 'deadcode' none test/empty.sh 'never called:' $(TOOL) deadcode -test ./...

.PHONY: format
format: ## write the Go files as gofumpt wants them
	$(TOOL) gofumpt -w $(GOFILES)

.PHONY: test-web
test-web: test-web-fresh test-web-types test-web-unit ## web/dist is fresh, types, unit tests

.PHONY: test-web-fresh
test-web-fresh:
	@$(SUITE) 'web/dist is what its sources build' web bash -c 'cd web && npm run --silent build && cd .. && \
		test/empty.sh "web/dist was stale; commit what make web has just built:" git status --porcelain web/dist'

.PHONY: test-web-types
test-web-types:
	@$(SUITE) 'tsc' web bash -c 'cd web && npm run --silent check'

.PHONY: test-web-unit
test-web-unit:
	@$(SUITE) 'vitest' web bash -c 'cd web && npm test --silent'

.PHONY: test-go
test-go: ## Go tests beside the code, with the race detector, on SQLite and PostgreSQL
	@$(SUITE) 'go test' 'cgo?,postgres?' $(PG) bash -c \
		'go test $$(command -v $${CC:-gcc} >/dev/null && echo -race) -shuffle=on $(INSIDE)'

.PHONY: test-outside
test-outside: test-first test-foreign test-hostile test-compat test-sdk test-chatsdk test-media test-e2e test-webchat2 test-kill test-full test-canary test-carriers ## the suites that run the built program

OUTSIDE_GO = USHER_BIN=$(CURDIR)/bin/usher $(PG) go test -count=1 -timeout 30m

.PHONY: test-first
test-first: build ## the first run: links, sign-in, credentials
	@$(SUITE) 'first run' 'postgres?' env $(OUTSIDE_GO) ./test/first

.PHONY: test-foreign
test-foreign: build ## every operation against another account's SID
	@$(SUITE) 'foreign SIDs' 'postgres?' env $(OUTSIDE_GO) ./test/foreign

.PHONY: test-hostile
test-hostile: build ## attacks from outside: bad input, credentials, floods, slow and rude clients
	@$(SUITE) 'hostile' 'chromium?,web?' env USHER_BIN=$(CURDIR)/bin/usher go test -count=1 -timeout 10m ./test/hostile

.PHONY: test-compat
test-compat: build ## docs/compatibility.md says the truth
	@$(SUITE) 'compatibility table' none env $(OUTSIDE_GO) ./test/compat

.PHONY: test-sdk
test-sdk: build ## the official REST libraries, Go and Node.js
	@$(SUITE) 'SDK suite' 'postgres?,sdk' env $(OUTSIDE_GO) -v ./test/sdk

.PHONY: test-chatsdk
test-chatsdk: build ## the official chat libraries, six versions
	@$(SUITE) 'chat libraries' 'postgres?,chatsdk' env $(OUTSIDE_GO) ./test/chatsdk

.PHONY: test-media
test-media: build ## files: a real scanner, an S3 server
	@$(SUITE) 'files' 'postgres?,clamd,media' env $(OUTSIDE_GO) ./test/media

.PHONY: test-carriers
test-carriers: build ## SMS through carriers of others: SMPP of npm, of Perl, Kannel
	@$(SUITE) 'carriers' 'postgres?,carriers,netsmpp?,kannel?' env $(OUTSIDE_GO:30m=5m) ./test/carriers

.PHONY: test-e2e
test-e2e: build ## two browsers and a conversation
	@$(SUITE) 'browser' chromium,web env USHER_BIN=$(CURDIR)/bin/usher bash -c 'cd web && npm run --silent e2e'

.PHONY: test-webchat2
test-webchat2: build ## the original's web widget in a browser, and an agent on the desk
	@$(SUITE) 'Webchat 2' chromium,web,webchat2 env USHER_BIN=$(CURDIR)/bin/usher node test/webchat2/webchat2.mjs

.PHONY: test-kill
test-kill: build ## kill -9 under load; KILLS=30 for the long run
	@$(SUITE) 'kill -9' 'postgres?' env $(OUTSIDE_GO) -v ./test/kill -kills $(KILLS)

.PHONY: test-full
test-full: build ## a full disk
	@$(SUITE) 'full disk' none env $(OUTSIDE_GO) -v ./test/full

.PHONY: test-canary
test-canary: build ## no plaintext in files, dumps or logs
	@$(SUITE) 'canary' 'postgres?' env $(OUTSIDE_GO) -v ./test/canary

.PHONY: fuzz
fuzz: FUZZTIME = 60s
fuzz: test-fuzz ## every fuzz target for a minute

.PHONY: test-fuzz
test-fuzz:
	@$(SUITE) 'fuzz' none test/fuzz.sh $(FUZZTIME)

.PHONY: test-build
test-build: ## other machines, and a plain go build
	@$(SUITE) 'build for linux/arm64' none env CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o /dev/null ./cmd/usher
	@$(SUITE) 'plain go build' none env GOENV=off GOFLAGS= go build ./...

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
