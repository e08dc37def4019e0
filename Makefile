# Every target makes the environment that it needs out of Python 3.11 to 3.13, pip, node 20 and make, and keeps it:
# the second run installs nothing unless what is to be installed has changed.

PYTHON ?= python3
# The machine's own pip fills an environment, which therefore needs none and is made in a moment. It says errors only.
pip = $(PYTHON) -m pip --python $(1)/bin/python install -qq --retries 5
notebook := $(firstword $(sort $(wildcard notebooks/*.ipynb)))
# Tests that have targets of their own: they need more than Python.
slow_tests := tests/browser tests/notebooks
# Versions of ipykernel that the explorer must survive beside the newest; each sits in a folder, not an environment.
kernels := 6.31 7.1

.PHONY: help demo lab test lint types js bundle unit browser notebooks lowest chromium format clean

help:
	@echo "make demo    pictures of what EfficientNet-Lite0 looks for, into demo/"
	@echo "make lab     JupyterLab with the first notebook"
	@echo "make test    everything that CI checks: lint, types, js, bundle, unit, browser, notebooks, lowest"
	@echo "make bundle  the widgets' JavaScript, out of js/"
	@echo "make format  put the source into its form"
	@echo "make clean   remove what these made"

demo: .venv/installed
	.venv/bin/jaxviz demo --out demo/

lab: .venv/installed-lab
	.venv/bin/jupyter lab $(notebook)

# The cheapest first.
test: lint types js unit browser notebooks lowest

lint: .venv/installed-test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/installed-test js/node_modules/installed
	.venv/bin/pyright --pythonpath .venv/bin/python
	npm --prefix js run --silent check

# The bundle is committed, so that a checkout installs without node; it must be what its source gives.
js: js/node_modules/installed bundle
	git diff --exit-code -- jaxviz/widgets/static
	npm --prefix js test --silent

bundle: js/node_modules/installed
	npm --prefix js run --silent build

# Most of their time is compiling, which keeps one core busy.
unit: .venv/installed-test
	.venv/bin/pytest --numprocesses logical --maxprocesses 4 --dist loadfile $(addprefix --ignore=,$(slow_tests))

# Screenshots of every test are in .artifacts/browser/.
browser: .venv/installed-test .venv-kernels/installed js/node_modules/installed chromium
	.venv/bin/pytest tests/browser

notebooks: .venv/installed-test
	.venv/bin/pytest tests/notebooks

# The smoke tests again, on the lowest versions that pyproject.toml allows.
lowest: .venv-lowest/installed
	.venv-lowest/bin/pytest -m smoke tests $(addprefix --ignore=,$(slow_tests))

chromium:
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || { \
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
			echo "The browser tests need Chromium: install it, or set CHROMIUM to the path of a Chrome." >&2; exit 1; \
		fi; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq --yes --no-install-recommends chromium fonts-dejavu-core >/dev/null; }

format: .venv/installed-test js/node_modules/installed
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	npm --prefix js run --silent format

clean:
	rm -rf .venv .venv-lowest .venv-kernels .artifacts demo js/node_modules .pytest_cache .ruff_cache .hypothesis

.venv/installed: pyproject.toml
	$(PYTHON) -m venv --without-pip .venv
	$(call pip,.venv) --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(call pip,.venv) --editable ".[test]"
	touch $@

.venv/installed-lab: .venv/installed
	$(call pip,.venv) --editable ".[lab]"
	touch $@

.venv-kernels/installed: .venv/installed-test Makefile
	rm -rf .venv-kernels
	for version in $(kernels); do \
		$(call pip,.venv) --no-deps --target .venv-kernels/$$version "ipykernel==$$version.*" nest-asyncio || exit 1; \
	done
	touch $@

.venv-lowest/installed: pyproject.toml tests/lowest.txt
	$(PYTHON) -m venv --without-pip .venv-lowest
	$(call pip,.venv-lowest) --editable . --requirement tests/lowest.txt
	touch $@

js/node_modules/installed: js/package.json js/package-lock.json
	npm --prefix js ci --no-audit --no-fund --loglevel=error
	touch $@
