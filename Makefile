# What can be made here. Everything that is built or fetched goes to target/.

CARGO ?= cargo
CC ?= cc
PYTHON ?= python3

BUILT = $(abspath $(or $(CARGO_TARGET_DIR),target))
MOCKPILOT = $(BUILT)/debug/mockpilot
C_FLAGS = -std=c99 -D_XOPEN_SOURCE=700 -O1 -g -Wall -Wextra -Werror -pedantic
# For example: make harness SANITIZE=-fsanitize=address,undefined
SANITIZE =
# For example: make test TEST_OPTIONS='-- --include-ignored', as make cover does
TEST_OPTIONS =
# Tests wait more than they work.
export RUST_TEST_THREADS ?= 6

# The target of this machine's compiler: with it named, build scripts are not linked statically.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

LIBPILOT_VERSION = 1.18.0
LIBPILOT_FETCHED = $(CURDIR)/target/libpilot/$(LIBPILOT_VERSION)
LIBPILOT_DIR = $(if $(LIBPILOT),$(abspath $(LIBPILOT)),$(LIBPILOT_FETCHED))
PYTEST_VERSION = 8.4.2
PYTEST = $(CURDIR)/target/pytest/$(PYTEST_VERSION)
# For example: make fuzz TARGETS='session frames' MOCKPILOT_SECONDS=10
TARGETS =
HARNESS = $(filter-out %_test.c,$(wildcard tests/c/*.c))
export LIBPILOT

.PHONY: help cover build static clean test lint harness parity clients examples bench counts libpilot pytest races faults sequences model fuzz repeat soak
.DEFAULT_GOAL := help

help: ## list the targets
	@echo "targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' Makefile

# Everything at once

cover: ## run all suites on a daemon built with coverage, and report what they reach
	@CARGO="$(CARGO)" PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/cover/measure.py target/cover

# Build

build: ## build the daemon, optimised: target/release/mockpilot
	$(CARGO) build --release

static: ## build target/static/mockpilot, which needs no library, and run it in a chroot
	RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --release --target $(HOST)
	@mkdir -p target/static
	cp "$(BUILT)/$(HOST)/release/mockpilot" target/static/mockpilot
	@$(PYTHON) tests/static_check.py target/static/mockpilot

clean: ## remove target/ with all that was built or fetched
	$(CARGO) clean

# Check

test: ## run all Rust tests: units, the built binary from outside, the recordings
	$(CARGO) test $(TEST_OPTIONS)

lint: ## check formatting and lints; any warning fails
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --quiet

# Drive it with the real clients (libpilot from PyPI, or LIBPILOT=DIR)

libpilot: ## fetch libpilot, pilotctl and the Python SDK into target/libpilot/
	@$(PYTHON) tests/c/fetch-libpilot "$(LIBPILOT_FETCHED)"

harness: libpilot ## run the C harness: every export of the real libpilot
	$(CARGO) build
	@rm -rf target/harness/coverage && mkdir -p target/harness/coverage
	tmp=$$(mktemp target/harness/.new-XXXXXX) && trap 'rm -f "$$tmp"' EXIT && \
	$(CC) $(C_FLAGS) $(SANITIZE) -isystem "$(LIBPILOT_DIR)" \
	    -DLIBPILOT_H='"$(LIBPILOT_DIR)/libpilot.h"' $(HARNESS) -o "$$tmp" \
	    -L"$(LIBPILOT_DIR)" -lpilot -Wl,-rpath,"$(LIBPILOT_DIR)" -pthread -ldl && \
	mv -f "$$tmp" target/harness/harness
	@GOCOVERDIR="$${GOCOVERDIR:-$(CURDIR)/target/harness/coverage}" target/harness/harness "$(MOCKPILOT)"

parity: ## replay the real daemon's recordings; case by case in target/parity.txt
	$(CARGO) test --test replay -- --nocapture
	@echo "case by case: $(BUILT)/parity.txt"

clients: libpilot ## run the real Python SDK and pilotctl: every method, every command
	$(CARGO) build
	@$(PYTHON) tests/python/run.py "$(MOCKPILOT)"
	@$(PYTHON) tests/pilotctl/run.py "$(MOCKPILOT)"

# Beside the C example's own files it takes mockpilot.h; beside the Python one's, the SDK and pytest.
examples: libpilot pytest ## run the example suites in C, Rust, Python and the shell
	$(CARGO) build
	$(CARGO) test --test example
	@mkdir -p target/examples
	tmp=$$(mktemp target/examples/.new-XXXXXX) && trap 'rm -f "$$tmp"' EXIT && \
	$(CC) $(C_FLAGS) -Itests/c -isystem "$(LIBPILOT_DIR)" tests/examples/c/suite.c -o "$$tmp" \
	    -L"$(LIBPILOT_DIR)" -lpilot -Wl,-rpath,"$(LIBPILOT_DIR)" && \
	mv -f "$$tmp" target/examples/suite
	MOCKPILOT="$(MOCKPILOT)" tests/examples/isolated target/examples/suite tests/examples/c
	cd tests/examples/python && PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$(LIBPILOT_DIR):$(LIBPILOT_DIR)/../.." \
	    PILOT_LIB_PATH="$(LIBPILOT_DIR)/libpilot.so" ../isolated "$(MOCKPILOT)" exec --timeout 2m \
	    --scenario scenario.json -- "$(PYTEST)/bin/python" -m pytest -p no:cacheprovider
	PATH="$(BUILT)/debug:$(LIBPILOT_DIR):$$PATH" tests/examples/isolated sh tests/examples/shell/run.sh

pytest: ## fetch pytest into target/pytest/
	@[ -x "$(PYTEST)/bin/python" ] || { mkdir -p target/pytest && \
	    tmp=$$(mktemp -d target/pytest/.new-XXXXXX) && trap 'rm -rf "$$tmp"' EXIT && \
	    $(PYTHON) -m venv "$$tmp" && \
	    "$$tmp/bin/python" -m pip --disable-pip-version-check install -q pytest==$(PYTEST_VERSION) && \
	    { mv -T "$$tmp" "$(PYTEST)" 2>/dev/null || [ -x "$(PYTEST)/bin/python" ]; }; }

# Under fire: each of these leaves its figures in target/figures/

# MOCKPILOT_ROUNDS: rounds of each race over real sockets, and schedules of each kind for each model.
races: ROUNDS = $(or $(MOCKPILOT_ROUNDS),500)
races: ## race the daemon 500 times each way: over real sockets, and under a checker of schedules
	@mkdir -p target/figures
	@tests/races/run "$(CARGO)" $(ROUNDS) $(or $(MOCKPILOT_SEED),1) target/figures/races.txt

faults: ROUNDS = $(or $(MOCKPILOT_ROUNDS),50)
faults: ## take descriptors, threads, disks and names away from the daemon
	$(CARGO) test --release --test hardship --no-run
	@mkdir -p target/figures
	@printf '%s\n' "faults: the tests of tests/hardship.rs, release build, one at a time" \
	    "rounds of each race and each end: $(ROUNDS)" "processors: $$(nproc)" \
	    "load before: $$(uptime | sed 's/.*load average: //')" >target/figures/faults.txt
	@begun=$$(date +%s); MOCKPILOT_ROUNDS=$(ROUNDS) MOCKPILOT_FAULTS="$(CURDIR)/target/figures/faults.txt" \
	    $(CARGO) test --release --test hardship -- --test-threads 1 && result=passed || result=failed; \
	    echo "all tests $$result, $$(($$(date +%s) - begun)) seconds" >>target/figures/faults.txt; \
	    cat target/figures/faults.txt; echo "figures: target/figures/faults.txt"; [ $$result = passed ]

# For example: make sequences MOCKPILOT_LENGTH=5
sequences: ## run every sequence of nasty frames up to a length of $MOCKPILOT_LENGTH (4)
	MOCKPILOT_LENGTH=$${MOCKPILOT_LENGTH:-4} $(CARGO) test --release --test sequences -- --nocapture

model: ## run MOCKPILOT_STEPS random operations against a plain model
	MOCKPILOT_STEPS="$${MOCKPILOT_STEPS:-1000000}" $(CARGO) test --test model random -- --nocapture

fuzz: ## run each fuzz target two minutes (MOCKPILOT_SECONDS) on seeds from the recordings
	@CARGO="$(CARGO)" $(PYTHON) tests/fuzz/run.py target/fuzz/corpus target/figures/fuzz.txt $(TARGETS)

repeat: ## run all tests 20 times (MOCKPILOT_ROUNDS) on a busy machine, and count what fails
	$(CARGO) test --no-run
	@$(PYTHON) tests/repeat.py target/figures/repeat.txt $(CARGO) test --no-fail-fast $(TEST_OPTIONS)

soak: ## load both profiles with everything for half an hour
	MOCKPILOT_SECONDS=$${MOCKPILOT_SECONDS:-1800} $(CARGO) test --release --test soak everything -- --nocapture

# Measure

bench: build static ## measure the daemon against a floor server: one table of ratios
	@mkdir -p target/bench
	$(CC) -O2 -Wall -Wextra -Werror -pthread -o target/bench/floor tests/bench/floor.c
	$(CC) -O2 -Wall -Wextra -Werror -pthread -o target/bench/load tests/bench/load.c
	@CARGO="$(CARGO)" $(PYTHON) tests/bench/run.py "$(BUILT)/release/mockpilot" target/bench/floor target/bench/load \
	    target/static/mockpilot

# The counts of allocations need neither valgrind nor strace.
counts: build ## count what a request costs (valgrind, strace)
	@mkdir -p target/bench
	$(CC) -O2 -Wall -Wextra -Werror -pthread -o target/bench/floor tests/bench/floor.c
	$(CC) -O2 -Wall -Wextra -Werror -pthread -o target/bench/load tests/bench/load.c
	$(CC) -O2 -Wall -Wextra -Werror -shared -fPIC -o target/bench/allocations.so tests/bench/allocations.c
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/bench/counts.py "$(BUILT)/release/mockpilot" target/bench/floor \
	    target/bench/load target/bench/allocations.so target/figures/counts.txt
