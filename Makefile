# The menu. `make run` shows a Modal program running on this machine; `make test` runs every test of the tree.
BUILD ?= build
PRESET ?= Dev
CMAKE = cmake -G Ninja -B $(BUILD) -S . -DCMAKE_BUILD_TYPE=$(PRESET)

.PHONY: build all run test unit cli conformance browser docs test-all asan tsan clang tidy tidy-all leaks histories fuzz sim fmt bench clean

build:            ## install missing packages and build build/ionian
	@tools/install-packages
	@$(CMAKE) >$(BUILD).cmake.log 2>&1 || { cat $(BUILD).cmake.log; exit 1; }
	@rm -f $(BUILD).cmake.log
	@ninja -C $(BUILD) --quiet ionian

run: build        ## start a server on a temporary folder and run examples/hello.py with the official client
	@tools/run-hello $(BUILD)/ionian examples/hello.py

all: build
	@ninja -C $(BUILD) --quiet

unit: all         ## tests of single parts, and of containers and images without a server
	@$(BESIDE) ctest --test-dir $(BUILD) --output-on-failure -j 2

conformance: all  ## the official clients against a real server with real containers
	@tools/conformance $(BUILD)/ionian

browser: build   ## the pages in headless Chromium; pictures of them land in build/screenshots
	@$(BESIDE) tools/browser-tests $(BUILD)/ionian

cli: all          ## our own commands, and our settings beside the official client's
	@$(BESIDE) tools/differential $(BUILD)
	@$(BESIDE) tools/cli-tests $(BUILD)/ionian

docs: all         ## what the guides show, run as they show it
	@$(BESIDE) tools/docs-tests $(BUILD)/ionian

# Side by side: most of them wait for containers, browsers and other processes. Each has servers and folders of its own. Conformance
# takes longest; the others have what it leaves.
test: all         ## every test of the tree
	@$(MAKE) --no-print-directory -j 5 --output-sync=target BESIDE="nice -n 5" unit cli conformance browser docs

SEEDS ?= 2000
sim: build        ## the core in SEEDS simulated worlds, and its time per decision
	@ninja -C $(BUILD) --quiet ionian-sim
	@$(BUILD)/tests/sim/ionian-sim --seeds $(SEEDS)
	@$(BUILD)/tests/sim/ionian-sim --decisions

# What finds mistakes that no test was written for. Each in a build folder of its own.
asan tsan clang:  ## unit, table and simulator tests under a sanitizer, or built by the other compiler
	@tools/install-packages tools/packages_checks.txt
	@cmake --preset $@ >build-$@.cmake.log || { cat build-$@.cmake.log; exit 1; }
	@rm -f build-$@.cmake.log
	@ninja -C build-$@ --quiet
	@ctest --preset $@

TASKS ?= 10000
CONNECTIONS ?= 60000
leaks: all        ## TASKS tasks in real containers, and what is left of them; CONNECTIONS connections of tasks, and whose they are
	@IONIAN_LEAK_TASKS=$(TASKS) $(BUILD)/src/worker_tests --gtest_filter=Leak*
	@IONIAN_TASK_CONNECTIONS=$(CONNECTIONS) $(BUILD)/src/rpc_tests --gtest_filter=ManyConnections*
	@IONIAN_LEAK_TASKS=$(TASKS) tools/conformance $(BUILD)/ionian -n 0 tests/conformance/test_many_tasks.py

HISTORY_SECONDS ?= 600
histories: all    ## calls, queues, dicts, secrets and volumes under kill -9 and power cuts, HISTORY_SECONDS each, side by side
	@IONIAN_HISTORY_SECONDS=$(HISTORY_SECONDS) IONIAN_CHAOS_SECONDS=$(HISTORY_SECONDS) tools/conformance $(BUILD)/ionian -n 5 --dist load -k "kills_lose_nothing or no_acknowledged_call_is_lost or kills_leave_whole_trees or power_cuts"

tidy: build       ## clang-tidy over what differs from main, and the rules of the house
	@tools/install-packages tools/packages_checks.txt
	@tools/tidy $(BUILD) changed
	@python3 tests/style/style_test.py

tidy-all: build
	@tools/install-packages tools/packages_checks.txt
	@tools/tidy $(BUILD) all

fuzz: all         ## each fuzz target for FUZZ_SECONDS
	@IONIAN_FUZZ_SECONDS=$(FUZZ_SECONDS) ctest --test-dir $(BUILD) --output-on-failure -R '^fuzz'
FUZZ_SECONDS ?= 120

# One after the other: each of them wants the whole machine.
test-all: test    ## and what takes longer: sanitizers, the other compiler, clang-tidy, 50,000 seeds, 10,000 tasks, histories, fuzzing
	@ninja -C $(BUILD) --quiet checkheaders
	@$(MAKE) --no-print-directory sim SEEDS=50000
	@$(MAKE) --no-print-directory leaks
	@$(MAKE) --no-print-directory histories
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory clang
	@$(MAKE) --no-print-directory tidy-all
	@$(MAKE) --no-print-directory asan
	@$(MAKE) --no-print-directory tsan

# TOPICS="calls raw" makes only those; tools/bench without words lists them.
bench: all        ## figures, beside what was promised; each also in build/bench/TOPIC.json
	@tools/install-packages tools/packages_bench.txt
	@tools/bench $(BUILD) $(TOPICS)

fmt:              ## format what is ours
	@git ls-files '*.cc' '*.h' '*.c' | xargs clang-format-19 -i

clean:
	rm -rf $(BUILD)
