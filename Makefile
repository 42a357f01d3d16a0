# `make demo` and `make test` need Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m

.PHONY: help demo test test-slow lint docs roofs screenshots validation bench bundle clean
help:
	@echo "make demo       set up .venv and run the main job on the sample county"
	@echo "make test       set up .venv and run all checks"
	@echo "make test-slow  the tests that take minutes"
	@echo "make docs       the documentation as pages in build/docs, its reference made from the code"
	@echo "make roofs      draw the roof archetypes into docs/roofs.png"
	@echo "make screenshots  pictures of the map pages of RUNS into docs/"
	@echo "make validation  hold the yield against PVWatts, pvlib and published rules; writes docs/en and docs/zh/validation.md"
	@echo "make bench      10,000, 100,000 and 1,000,000 buildings: seconds and memory by stage (SIZES='10000' for fewer)"
	@echo "make bundle     a folder of wheels for machines without internet"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "wuding needs Python 3.11 or newer; $(PYTHON) is older or missing. Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then $(PYTHON) -m venv $(VENV); \
	 elif $(PYTHON) -c 'import virtualenv' 2>/dev/null; then $(PYTHON) -m virtualenv -q $(VENV); \
	 else echo "this Python has no ensurepip, so it cannot make an environment. On Debian and Ubuntu: apt install python3-venv; elsewhere: $(PYTHON) -m pip install virtualenv"; exit 2; fi

$(VENV)/.runs: pyproject.toml | $(BIN)/python
	@echo "installing libraries into $(VENV); the first time this takes some minutes"
	$(RUN) pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.tests: pyproject.toml | $(BIN)/python
	@echo "installing libraries and tools of the tests into $(VENV); the first time this takes some minutes"
	$(RUN) pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.runs

demo: $(VENV)/.runs
	$(RUN) wuding demo --out sample-county

lint: $(VENV)/.tests
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(BIN)/lint-imports
	$(RUN) numpydoc lint $$(git ls-files 'geo/*.py' 'solar/*.py' 'layers/*.py' 'maps/*.py' 'wuding/*.py')

test: lint
	$(RUN) pytest -q -n auto --dist loadfile

test-slow: $(VENV)/.tests
	$(RUN) pytest -q -m slow

docs: $(VENV)/.tests
	$(RUN) wuding.reference docs/reference
	$(RUN) mkdocs build --strict --quiet

roofs: $(VENV)/.tests
	$(RUN) bench.draw_roofs docs/roofs.png

RUNS ?= sample-county/run
screenshots: $(VENV)/.tests
	$(RUN) bench.screenshots docs $(RUNS)

validation: $(VENV)/.tests
	$(RUN) bench.validation

SIZES ?= 10000 100000 1000000
bench: $(VENV)/.runs
	$(RUN) bench.county $(SIZES)

bundle: $(VENV)/.tests
	$(RUN) bench.bundle bundle

clean:
	rm -rf $(VENV) sample-county bundle build dist *.egg-info
