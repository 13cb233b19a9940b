# `make` lists the targets. All work in .venv, which the first of them creates.

VENV := .venv
BIN := $(VENV)/bin
# Stamps: what is installed, so that the second time costs nothing.
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_DOCS := $(VENV)/.installed-docs
DEMO_LOGS := logs/demo

# Two workers, a file of tests each, with one thread of linear algebra: a core is kept busy by each.
# The files come in the order of tests/conftest.py, the longest first.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# Compiled modules are kept, also where the environment says otherwise: every worker and every
# process that a test starts would compile the package and the tests again.
export PYTHONDONTWRITEBYTECODE :=

PIP_INSTALL := $(BIN)/python -m pip install -qq
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-slow test-all check lint types listing format results docs docs-serve \
  inspect-range clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED)  ## Set up, run the evaluation on two simulated respondents, print their cards
	@rm -rf $(DEMO_LOGS)
	@echo "Running kidney_evals/coin_flip on two simulated respondents (no network):"
	@echo "  kidney/human        a crowd: another person answers every question, so it should meet"
	@echo "                      the column 'people' in every row, but for chance"
	@echo "  kidney/never_flips  people who decide: it chooses as people do and never flips"
	@echo
	@for who in human never_flips; do \
	  $(BIN)/inspect eval kidney_evals/coin_flip --model kidney/$$who \
	    --display none --log-dir $(DEMO_LOGS) || exit 1; done
	@$(BIN)/kidney-evals show $(DEMO_LOGS)
	@echo
	@echo "Open them in the viewer:  $(BIN)/inspect view --log-dir $(DEMO_LOGS)"

test: $(INSTALLED_DEV)  ## Set up what is missing and run the tests
	@$(PYTEST)

test-slow: $(INSTALLED_DEV)  ## Run only the slow tests
	@$(PYTEST) -m slow

test-all: $(INSTALLED_DEV)  ## Run all tests, slow ones included
	@$(PYTEST) -m "slow or not slow"

check: lint types listing  ## Lint, check the formatting, the types and the listing's rules

lint: $(INSTALLED_DEV)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "\`make format\` puts it right"; exit 1; }

types: $(INSTALLED_DEV)
	@$(link_package)
	@cd build/typing && MYPYPATH=.:../../tests ../../$(BIN)/mypy --explicit-package-bases \
	  --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache kidney_evals ../../tests

listing: $(INSTALLED_DEV)
	@$(BIN)/inspect-evals-lint --all --output-format github

format: $(INSTALLED_DEV)  ## Sort imports and format
	@$(BIN)/ruff check --quiet --fix --select I .
	@$(BIN)/ruff format --quiet .

results: $(INSTALLED)  ## Compute the numbers of docs/results/ again, compare, write the tables
	@for record in $(wildcard docs/results/*.json); do \
	  $(BIN)/kidney-evals results check $$record || exit 1; done
	@$(BIN)/python docs/update_readme.py

docs: $(INSTALLED_DOCS)  ## Build the documentation site in build/site, with its links checked
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Open build/site/index.html"

docs-serve: $(INSTALLED_DOCS)  ## Show the documentation on http://127.0.0.1:8000 while editing it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

inspect-range: $(INSTALLED)  ## Run the tests on the lowest and the latest Inspect supported
	@$(BIN)/python .ci/inspect_range.py

clean:  ## Remove what make made, .venv and logs/demo included
	@rm -rf $(VENV) build dist $(DEMO_LOGS) .mypy_cache .ruff_cache .pytest_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# mypy resolves imports by folder, and kidney_evals.tasks is not in kidney_evals/: a tree of
# links shows it the package as it is when installed.
define link_package
rm -rf build/typing && mkdir -p build/typing/kidney_evals && cd build/typing/kidney_evals \
  && ln -s ../../../kidney_evals/* ../../../tasks ../../../scorers .
endef

# The first Python from 3.11 on that there is.
define make_venv
set -e; \
if [ ! -x $(BIN)/python ]; then \
  for name in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3; do \
    if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
      found=$$name; break; \
    fi; \
  done; \
  if [ -z "$$found" ]; then \
    echo "Python 3.11 or later is needed and was not found; name yours: make PYTHON=..." >&2; \
    exit 1; \
  fi; \
  if ! "$$found" -m venv $(VENV) >/dev/null; then \
    rm -rf $(VENV); \
    echo "$$found cannot make a virtual environment (on Debian: apt install python3-venv)" >&2; \
    exit 1; \
  fi; \
fi; \
echo "Installing into $(VENV) (the first time this takes a minute or two)"
endef

$(INSTALLED): pyproject.toml
	@$(make_venv)
	@$(PIP_INSTALL) -e .
	@touch $@

$(INSTALLED_DEV): pyproject.toml
	@$(make_venv)
	@$(PIP_INSTALL) -e ".[dev]"
	@touch $(INSTALLED) $@

$(INSTALLED_DOCS): pyproject.toml
	@$(make_venv)
	@$(PIP_INSTALL) -e ".[docs]"
	@touch $(INSTALLED) $@
