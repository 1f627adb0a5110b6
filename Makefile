# Set-up, demonstration, tests. Needs Python 3.11 to 3.13 and make; everything else is installed into .venv.
# Compiling all modules beforehand takes longer than the rest of the installation; Python compiles those that it meets.
PYTHON ?= python3
VENV := .venv
WORKERS ?= 2
BIN := $(VENV)/bin

.PHONY: demo test installed lint docs bench install clean

$(VENV)/.installed: $(VENV)/.core
	@echo "Installing what development needs."
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/.core: pyproject.toml constraints.txt
	@echo "Installing into $(VENV); this takes a minute or less."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable .
	touch $@

install: $(VENV)/.installed

demo: $(VENV)/.core  ## embeds speech that the package makes itself, into demo/
	$(BIN)/affectspace demo --output demo

# threads that wait don't spin, as each worker has some
test: install  ## tests, doctests, coverage; WORKERS processes
	$(BIN)/coverage erase
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest --cov --cov-report=term --numprocesses $(WORKERS) --dist worksteal

installed: install  ## builds the package, installs it without extras, and uses it there
	$(BIN)/python -m pytest -m install tests/test_core_only.py

lint: install  ## formatting, style, types, order of the rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install  ## the documentation site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: install  ## the benchmarks; those on real speech need AFFECTSPACE_DATA
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) demo site .coverage*
