# `make help` lists the targets. Everything is made in a venv. Repeated calls do only what changed.

VENV ?= .venv
ifneq ($(words $(VENV)),1)
$(error VENV is "$(VENV)", and has to be one word)
endif
# A venv is for one folder and one Python. In a copy of the folder, or for another PYTHON, a new one is
# made. Without PYTHON=… the venv keeps the Python that it has.
MADE := $(shell cat $(VENV)/.made 2>/dev/null)
PYTHON ?= $(or $(firstword $(MADE)),python3)
ifneq ($(MADE),$(PYTHON) $(CURDIR))
.PHONY: $(VENV)/.made
CLEAR := $(if $(wildcard $(VENV)/.made),--clear)
endif
# Versions of Open WebUI for `make test-server`.
VERSIONS ?= 0.6.42 0.12.4
# Versions of Python for `make test-pythons`.
PYTHONS ?= 3.10 3.11 3.12 3.13 3.14
# More arguments for pytest: make test ARGS="-k carrying -x"
ARGS ?=

PIP := $(VENV)/bin/pip --disable-pip-version-check -q
PY := $(VENV)/bin/python
PYTEST := $(VENV)/bin/pytest

C_FILES := $(wildcard csrc/*/*.[ch])
C_TESTS := $(wildcard tests/c/*.[ch] tests/fuzz/*.[ch] benchmarks/*/*.[ch])
# mypy checks each folder of tests separately, because several have a conftest.py.
TEST_FOLDERS := $(sort $(dir $(wildcard tests/*/*.py)))
PYTHON_FOLDERS := examples scripts benchmarks docs

# In continuous integration, a warning of the compiler is an error.
ifneq ($(CI),)
export OWU_WERROR := 1
endif

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		while IFS="$$(printf '\t')" read -r target text; do printf '  %-14s %s\n' "$$target" "$$text"; done

# ------------------------------------------------------------------ stamps: what is already done

$(VENV)/.made: scripts/install_requirements.sh
	PYTHON="$(PYTHON)" sh scripts/install_requirements.sh
	$(PYTHON) -m venv $(CLEAR) $(VENV)
	$(PIP) install 'setuptools>=77'
	@echo '$(PYTHON) $(CURDIR)' >$@

# Without build isolation pip compiles with the setuptools of the venv, and does not download another.
$(VENV)/.installed: $(VENV)/.made pyproject.toml
	$(PIP) install --no-build-isolation -e '.[server]'
	@touch $@

# The extras that each stamp stands for.
extras_tested := test
extras_linted := test,lint
extras_benched := bench
extras_packaged := package
extras_documented := docs

$(VENV)/.%-with: $(VENV)/.installed pyproject.toml
	$(PIP) install --no-build-isolation -e '.[$(extras_$*)]'
	@touch $@

# ------------------------------------------------------------------ targets

# This always runs, because only setup.py knows whether the core is up to date and complete.
.PHONY: build
build: $(VENV)/.installed ## compile the core; also install the compiler and libraries that are missing
	@$(PY) setup.py -q build_ext --inplace

.PHONY: demo
demo: build ## show what the package does, against the embedded server
	NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 $(PY) examples/demo.py

.PHONY: test
test: lint unit ## run lint, then all tests that need no real server

.PHONY: unit
unit: build $(VENV)/.tested-with ## run the tests of `make test` without lint
	$(PYTEST) -m 'not real_server' $(ARGS)

.PHONY: test-c
test-c: $(VENV)/.tested-with ## run only the tests of the C core, under the sanitizers
	$(PYTEST) tests/test_c.py $(ARGS)

.PHONY: test-server
test-server: build $(VENV)/.tested-with ## run the tests against real servers: VERSIONS="0.6.42 0.12.4"
	OWU_SERVER_VERSIONS="$(VERSIONS)" $(PYTEST) -m real_server $(ARGS)

.PHONY: test-pythons
test-pythons: ## run the unit tests on every Python of PYTHONS that is installed
	@sh scripts/test_pythons.sh $(PYTHONS)

.PHONY: sanitize
sanitize: build $(VENV)/.tested-with ## run the unit tests on a build with AddressSanitizer and UBSan
	@sh scripts/test_sanitized.sh $(PY) $(ARGS)

# Seconds for each fuzz target. TARGETS="json url" chooses some of them.
SECONDS ?= 60
TARGETS ?=

.PHONY: fuzz
fuzz: build $(VENV)/.tested-with ## run libFuzzer on the C core: SECONDS=60 for each target; needs clang
	@sh scripts/fuzz.sh $(PY) $(SECONDS) $(TARGETS)

# Minutes of the soak, and the SEED of an earlier soak, which is in that soak's report.
MINUTES ?= 30
SEED ?=

.PHONY: soak
soak: build $(VENV)/.tested-with ## make mixed calls for MINUTES=30 on a failing server; finds leaks and wrong answers or writes
	@PYTHONPATH=tests $(PY) -m soak --minutes $(MINUTES) --seed "$(SEED)"

.PHONY: coverage
coverage: build $(VENV)/.tested-with ## show which lines of csrc/ the tests reach, with gcovr
	$(PIP) install 'gcovr>=7'
	@sh scripts/test_coverage.sh $(PY) $(ARGS)

.PHONY: bench
bench: build $(VENV)/.benched-with ## compare speed and memory with peers and floors; takes some minutes, needs nginx
	$(PY) benchmarks/run.py $(ARGS)

.PHONY: bench-docs
bench-docs: build $(VENV)/.benched-with ## do the same and update docs/performance.md; also needs perf
	$(PY) benchmarks/profiling.py --docs
	$(PY) benchmarks/run.py --docs $(ARGS)

.PHONY: lint
lint: build $(VENV)/.linted-with ## run ruff, mypy and clang-format; compare the stubs with the extension
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy openwebui_users setup.py
	@for folder in tests/ $(TEST_FOLDERS) $(PYTHON_FOLDERS); do \
		files=$$(ls $$folder/*.py 2>/dev/null) || continue; \
		echo "mypy $$folder"; \
		$(VENV)/bin/mypy --no-error-summary $$files || exit 1; \
	done
	$(PY) -m mypy.stubtest openwebui_users._core --allowlist scripts/stubtest_allowlist.txt
	$(VENV)/bin/clang-format --dry-run -Werror $(C_FILES) $(C_TESTS)

.PHONY: format
format: $(VENV)/.linted-with ## let ruff and clang-format fix what they can
	$(VENV)/bin/ruff check --fix-only -q .
	$(VENV)/bin/ruff format .
	$(VENV)/bin/clang-format -i $(C_FILES) $(C_TESTS)

.PHONY: generate
generate: build $(VENV)/.linted-with ## write the type stubs and the reference parts of the docs again
	$(PY) scripts/generate_reference.py

.PHONY: docs
docs: $(VENV)/.documented-with ## make the site of the docs in build/docs; a warning is an error
	$(PY) -m sphinx -W --keep-going -q -b html -d build/docs-cache docs build/docs

.PHONY: docs-links
docs-links: $(VENV)/.documented-with ## check that the docs' links to other sites still work
	$(PY) scripts/check_links.py

.PHONY: transcript
transcript: build $(VENV)/.tested-with ## make docs/cli-transcript.md again from a run on a terminal
	$(PY) scripts/generate_transcript.py

.PHONY: sdist
sdist: $(VENV)/.packaged-with ## make the source distribution in dist/
	$(PY) -m build --no-isolation --sdist .

# bundled or system, see scripts/build_wheel.sh. By default: bundled if possible.
LIBRARIES ?=

.PHONY: wheel
wheel: $(VENV)/.packaged-with ## make the sdist and a self-contained wheel in dist/: LIBRARIES=bundled|system
	PYTHON="$(PYTHON)" sh scripts/install_requirements.sh wheel
	@sh scripts/build_wheel.sh $(PY) $(LIBRARIES)

.PHONY: clean
clean: ## remove everything that was made, also the venvs
	rm -rf .venv .venv-3.* $(patsubst %/pyvenv.cfg,%,$(wildcard $(VENV)/pyvenv.cfg)) build dist ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f openwebui_users/_core*.so
	find . -name __pycache__ -prune -exec rm -rf {} +
