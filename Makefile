# Every target makes the environment that it needs out of Python 3.11 to 3.13, pip and make, and keeps it:
# the second run installs nothing unless what is to be installed has changed.

PYTHON ?= python3
# The machine's own pip fills an environment, which therefore needs none and is made in a moment.
install = $(PYTHON) -m pip --python $(1)/bin/python install --quiet --retries 5
notebook := $(firstword $(sort $(wildcard notebooks/*.ipynb)))

.PHONY: help demo lab test lint types unit lowest format clean

help:
	@echo "make demo    pictures of what EfficientNet-Lite0 looks for, into demo/"
	@echo "make lab     JupyterLab with the first notebook"
	@echo "make test    everything that CI checks: lint, types, unit, lowest"
	@echo "make format  put the source into its form"
	@echo "make clean   remove what these made"

demo: .venv/installed
	.venv/bin/jaxviz demo --out demo/

ifdef notebook
lab: .venv/installed-lab
	.venv/bin/jupyter lab $(notebook)
else
lab:
	@echo "There is no notebook in notebooks/ yet. 'make demo' makes the first pictures."
endif

test: lint types unit lowest

lint: .venv/installed-test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/installed-test
	.venv/bin/pyright --pythonpath .venv/bin/python

unit: .venv/installed-test
	.venv/bin/pytest

# The smoke tests again, on the lowest versions that pyproject.toml allows.
lowest: .venv-lowest/installed
	.venv-lowest/bin/pytest -m smoke tests

format: .venv/installed-test
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	rm -rf .venv .venv-lowest demo .pytest_cache .ruff_cache .hypothesis

.venv/installed: pyproject.toml
	$(PYTHON) -m venv --without-pip .venv
	$(call install,.venv) --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(call install,.venv) --editable ".[test]"
	touch $@

.venv/installed-lab: .venv/installed
	$(call install,.venv) --editable . jupyterlab
	touch $@

.venv-lowest/installed: pyproject.toml tests/lowest.txt
	$(PYTHON) -m venv --without-pip .venv-lowest
	$(call install,.venv-lowest) --editable . --requirement tests/lowest.txt
	touch $@
