# Everything is done with a .venv in this folder.  It is made when it is missing (or the folder was
# moved), and filled again only when setup.cfg or pyproject.toml has changed.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do "$$p" -c \
	'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export SOURCE
export OUTPUTS

HERE := $(shell pwd | cksum | cut -d' ' -f1)
RUN := .venv/run-$(HERE)
DEV := .venv/dev-$(HERE)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Much of a test of a cluster is waiting: two files at a time
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder --timeout 120
# How many cases are tried where tests draw them: see tests/sample.py
SAMPLE := ORCHESTRATOR_TEST_SAMPLE

.PHONY: help install demo check lint types test packages media simulate fuzz faults bench clean
.DEFAULT_GOAL := help

help:     ## say what there is
	@sed -n 's/^\([a-z]*\):.*## */  make \1	/p' $(MAKEFILE_LIST)

install:  $(DEV) ## an editable install with all tools, in .venv
	@echo "Installed. Now:  . .venv/bin/activate  and then:  orchestrator --help"

demo:     $(RUN) ## one real transcode in ./demo [SOURCE=movie.mov] [OUTPUTS="h264-1080p wav"]
	@set -- demo; \
	if [ -n "$$SOURCE" ]; then set -- "$$@" --source "$$SOURCE"; fi; \
	if [ -n "$$OUTPUTS" ]; then set -- "$$@" --outputs $$OUTPUTS; fi; \
	$(BIN)/python examples/demo.py "$$@"
	$(BIN)/orchestrator run --report --state demo/state demo/job.yaml
	@echo; echo "The files are in:  $$(pwd)/demo/out"
	@echo "To see more:       .venv/bin/orchestrator status --state demo/state"

check:    lint types ## all that must hold before a commit, about two minutes
	$(PYTEST) $(SIDE_BY_SIDE) -m "not slow" tests/unit tests/contract tests/golden tests/architecture

lint:     $(DEV) ## form and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types:    types-linux types-darwin types-win32 ## mypy, strict, as on each system

types-%:  $(DEV)
	$(BIN)/mypy --platform $* --cache-dir .mypy_cache/$*

test:     $(DEV) packages media ## every test but the benchmarks, about 35 minutes
	$(SAMPLE)=$${$(SAMPLE):-1} $(PYTEST) $(SIDE_BY_SIDE)

packages: ## system programs that tests use; installed where we may, else their tests are skipped
	@.ci/packages

media:    $(DEV) ## real media for tests, into a cache; never committed
	@$(BIN)/python tests/fetch_media.py || echo "Some media is missing; its tests will be skipped."

simulate: $(DEV) ## two hours of a cluster 20,000 times, and more ledger steps; hours, on all cores [NIGHTS=1000]
	$(SAMPLE)=20 ORCHESTRATOR_TEST_NIGHTS=$${NIGHTS:-20000} $(PYTEST) -q -n logical --timeout 300 \
	  -o tmp_path_retention_policy=failed tests/simulation
	$(SAMPLE)=20 $(PYTEST) tests/contract

fuzz:     $(DEV) ## random manifests, lines, reports and paths, twenty times as many
	$(SAMPLE)=20 $(PYTEST) tests/fuzz tests/unit/test_manifest_fuzz.py

faults:   $(DEV) packages ## kill, hang, fill, cut; ends with how many of how many faults were survived
	$(PYTEST) -m fault

bench:    $(DEV) packages ## the figures of the README, as JSON; takes long, wants a quiet machine
	@missed=""; for each in startup lifecycles planning assembly speed peers twopass agents cluster; do \
	  $(BIN)/python -m "tests.bench.$$each" || missed="$$missed $$each"; done; \
	if [ -n "$$missed" ]; then echo "Not reached:$$missed" >&2; exit 1; fi

clean:    ## remove what `make` made
	rm -rf .venv demo build
	rm -rf *.egg-info

$(RUN): setup.cfg pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
	  echo "No Python 3.11 or newer with the venv module was found." >&2; \
	  echo "Install one (Debian, Ubuntu: apt install python3-venv), or name it: make PYTHON=/path/to/python3" >&2; \
	  exit 1; fi
	@if [ ! -e "$@" ]; then "$(PYTHON)" -m venv --clear .venv; fi
	$(BIN)/python -m pip install --quiet --editable .
	@touch "$@"

$(DEV): $(RUN)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch "$@"
