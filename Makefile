# The front door. Everything that is built or fetched lands under build/.

MESON = build/venv-build/bin/meson
PYTHON_TEST = build/venv-test/bin/python

.PHONY: all thaw package demo test lint format unit unit-asan with-unit-tests e2e asan bench bench-quick chaos fuzz clean setup setup-test
.DELETE_ON_ERROR:
.NOTPARALLEL:

all: thaw

setup:
	@scripts/setup build

setup-test:
	@scripts/setup test

build/release/build.ninja: | setup
	@scripts/configure build/release

SANITIZED = -Db_sanitize=address,undefined -Dbuildtype=debugoptimized -Doptimization=1

build/asan/build.ninja: | setup
	@scripts/configure build/asan $(SANITIZED)

build/fuzz/build.ninja: | setup
	@scripts/configure build/fuzz $(SANITIZED) -Dfuzz=true

thaw: setup build/release/build.ninja
	@ninja -C build/release --quiet thaw
	@install -C -m 755 build/release/thaw build/thaw

# What others install: a tarball, a Debian package, the two zips of a Lambda function. Under build/packages.
package: thaw
	@scripts/setup package
	@ninja -C build/release --quiet thaw-portable
	@scripts/package

asan: setup build/asan/build.ninja
	@ninja -C build/asan --quiet thaw

demo: thaw
	@scripts/demo

# The unit tests need cmocka, which a mere `make` doesn't: so they are switched on here, once a build folder.
build/%/.unit-tests: | build/%/build.ninja setup-test
	@scripts/configure build/$* --reconfigure -Dunit_tests=enabled
	@touch $@

with-unit-tests: setup-test build/release/.unit-tests
	@ninja -C build/release --quiet

unit: with-unit-tests
	@$(MESON) test -C build/release --no-rebuild --print-errorlogs

# The same under AddressSanitizer and UndefinedBehaviorSanitizer.
unit-asan: setup-test asan build/asan/.unit-tests
	@ninja -C build/asan --quiet
	@$(MESON) test -C build/asan --no-rebuild --print-errorlogs

lint: with-unit-tests
	@scripts/lint

# Lay out the sources as `make lint` wants them.
format:
	@find src tests bench -name '*.[ch]' 2>/dev/null | xargs clang-format -i

# Four at a time on two processors: they wait more than they work. PYTEST_ARGUMENTS="-n 0" is one after the other.
e2e: setup-test thaw asan package
	@$(PYTHON_TEST) -m pytest tests/e2e --durations=10 -n 4 --dist loadfile $(PYTEST_ARGUMENTS)

test: setup-test thaw unit lint unit-asan e2e

# What encoding alone costs, for each pair of types.
bench: setup build/release/build.ninja
	@ninja -C build/release --quiet bench/encode/encode-bench
	@build/release/bench/encode/encode-bench $(BENCH_ARGUMENTS)

bench-quick: setup-test thaw
	@bench/quick

# Processes, servers and networks that fail at once, in rounds, for CHAOS_SECONDS with each source.
chaos: setup-test thaw
	@CHAOS_SECONDS=$${CHAOS_SECONDS:-300} $(PYTHON_TEST) -m pytest tests/e2e/test_chaos.py -s $(PYTEST_ARGUMENTS)

# Each reader of what comes from outside, for FUZZ_SECONDS each: FUZZ_TARGETS="config event" are only these.
fuzz: setup build/fuzz/build.ninja
	@ninja -C build/fuzz --quiet fuzz
	@scripts/fuzz $(FUZZ_TARGETS)

clean:
	rm -rf build/release build/asan build/fuzz build/thaw
