# The menu. `make run` shows a Modal program running on this machine; `make test` runs every test of the tree.
BUILD ?= build
PRESET ?= Dev
CMAKE = cmake -G Ninja -B $(BUILD) -S . -DCMAKE_BUILD_TYPE=$(PRESET)

.PHONY: build run test unit cli conformance browser docs test-all sim fmt bench clean

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
	@ctest --test-dir $(BUILD) --output-on-failure

conformance: all  ## the official clients against a real server with real containers
	@tools/conformance $(BUILD)/ionian

browser: build   ## the pages in headless Chromium; pictures of them land in build/screenshots
	@tools/browser-tests $(BUILD)/ionian

cli: all          ## our own commands, and our settings beside the official client's
	@tools/differential $(BUILD)
	@tools/cli-tests $(BUILD)/ionian

docs: all         ## what the guides show, run as they show it
	@tools/docs-tests $(BUILD)/ionian

test: unit cli conformance browser docs  ## every test of the tree

SEEDS ?= 2000
sim: build        ## the core in SEEDS simulated worlds, and its time per decision
	@ninja -C $(BUILD) --quiet ionian-sim
	@$(BUILD)/tests/sim/ionian-sim --seeds $(SEEDS)
	@$(BUILD)/tests/sim/ionian-sim --decisions

test-all: test    ## and what takes longer: each header alone, 50,000 seeds
	@ninja -C $(BUILD) --quiet checkheaders
	@$(MAKE) --no-print-directory sim SEEDS=50000

bench: all        ## figures, beside what was promised; each also in build/bench/NAME.json
	@tools/bench $(BUILD)

fmt:              ## format what is ours
	@git ls-files '*.cc' '*.h' '*.c' | xargs clang-format-19 -i

clean:
	rm -rf $(BUILD)
