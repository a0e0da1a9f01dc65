# The environment is in .venv. Stamp files record what is installed, so that nothing is installed twice unless
# pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= digits
SECONDS ?= 3600

.PHONY: demo test lint format bench exactness fuzz clean

demo: $(VENV)/.installed-run  ## train a network on real data and write a folder in runs/
	$(BIN)/fitwell train $(DEMO)

test: lint  ## all checks before a commit; in CI the tests marked slow as well
	$(BIN)/python -m pytest -n auto --doctest-modules $(if $(CI),,-m "not slow") fitwell tests

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy fitwell
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/python tools/plain_english.py

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-bench  ## side by side with Keras, PyTorch and scikit-learn
	$(BIN)/python -m benchmarks

exactness: $(VENV)/.installed-bench  ## compare every object with its reference and write the tables of docs/exactness.md
	$(BIN)/python -m pytest -n auto --record-agreement \
		tests/activations tests/initializers tests/regularizers tests/constraints tests/schedules \
		tests/losses/test_against_keras.py tests/metrics/test_against_references.py \
		tests/optimizers/test_against_keras.py tests/optimizers/test_against_references.py \
		tests/layers/test_harness.py::test_equals_keras tests/layers/test_images.py tests/layers/test_noise.py \
		tests/layers/test_tables.py

fuzz: $(VENV)/.installed-test  ## read randomly corrupted files for SECONDS=3600; see tests/saving/fuzz.py
	$(BIN)/python tests/saving/fuzz.py --seconds $(SECONDS) --seed $$(date +%s)

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path "./$(VENV)/*" -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[test,dev]"
	touch $@ $(VENV)/.installed-run

$(VENV)/.installed-bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[bench]"
	touch $@ $(VENV)/.installed-run
