# ArtStore, from the command line. Needs make and Python 3.11 or newer; everything else goes into .venv and .build.

VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready
PYTEST := $(RUN) -m pytest -n $(or $(WORKERS),auto)
REQUIREMENTS := requirements-dev.txt requirements.txt $(wildcard functions/*/requirements.txt)
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11

export PYTHONPATH := $(CURDIR):$(CURDIR)/layers/common/python
ifdef STACK
export ARTSTORE_LOCAL_EMULATOR := $(STACK)
endif

.DEFAULT_GOAL := help
.PHONY: help demo serve up down status env logs check test test-deep test-chaos test-seaweedfs lint e2e bench package deploy releases administrator clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## carry a document through the stack, show each step, leave nothing running
	@$(RUN) -m infra.local demo

up: $(READY) ## start and deploy the stack on this machine, or bring it up to date; STACK=localstack
	@$(RUN) -m infra.local up

down: $(READY) ## stop the stack, keep its data
	@$(RUN) -m infra.local down

status: $(READY) ## what runs, and where
	@$(RUN) -m infra.local status

env: $(READY) ## what points every AWS tool at the stack: eval "$(make -s env)"
	@$(RUN) -m infra.local env

logs: $(READY) ## the functions' and the emulator's last log lines; ARGS="--follow" goes on
	@$(RUN) -m infra.local logs $(ARGS)

serve: $(READY) ## every HTTP route in one process (chalice local), on the running stack; PORT=8000
	@$(RUN) -m infra.local serve --port $(or $(PORT),8000)

check: lint ## linters, types and unit tests: what to run before each commit
	@$(PYTEST) tests/unit $(ARGS)

test: lint ## linters, then every test, the end-to-end ones on a stack of their own
	@$(PYTEST) tests/unit tests/integration tests/e2e $(ARGS)

test-seaweedfs: $(READY) ## the write side on a real S3 server (153 MB more), and what that one cannot do
	@$(RUN) -m pip install -qq --disable-pip-version-check -r tests/seaweedfs/requirements.txt
	@$(RUN) -m pytest -rxX tests/seaweedfs $(ARGS)

test-chaos: $(READY) ## the whole stack while events are lost, processes die and the database is away; ten minutes
	@$(RUN) -m pytest -o log_cli=true -o log_cli_level=INFO tests/chaos $(ARGS)

test-deep: ## every test, properties on twenty times as many examples; for the night
	@ARTSTORE_TEST_DEPTH=20 $(MAKE) --no-print-directory test

lint: $(READY) ## ruff, mypy, import-linter, cfn-lint
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports --cache-dir .import_linter_cache
	@$(VENV)/bin/cfn-lint infra/template.yaml infra/deployer.yaml

e2e: $(READY) ## the end-to-end tests against the running stack, or the one ARTSTORE_STACK names
	@ARTSTORE_STACK="$${ARTSTORE_STACK:-$${ARTSTORE_LOCAL_DIR:-.local}/stack.json}" $(PYTEST) tests/e2e $(ARGS)

bench: $(READY) ## one benchmark: NAME=audit, coldstart, download, finalize, ingest, rebuild, revocations, search, show, token, upload
	@$(RUN) -m benchmarks $(NAME) $(ARGS)

package: $(READY) ## build and check what a stage deploys to AWS; STAGE=production
	@$(RUN) -m infra.deploy package "$(STAGE)"

deploy: $(READY) ## show what would change on AWS, ask, change it; STAGE=, RELEASE=, YES=1, DRY_RUN=1
	@$(RUN) -m infra.deploy deploy "$(STAGE)" $(if $(filter 1,$(YES)),--yes) $(if $(filter-out 0,$(DRY_RUN)),--dry-run) \
		$(if $(RELEASE),--release "$(RELEASE)") $(if $(ALLOW_LOSS),--allow-loss $(ALLOW_LOSS))

releases: $(READY) ## what was deployed to a stage, newest first; STAGE=production
	@$(RUN) -m infra.deploy releases "$(STAGE)"

administrator: $(READY) ## create a stage's first administrator and show the secret, once; STAGE=production
	@$(RUN) -m infra.deploy administrator "$(STAGE)"

clean: $(READY) ## stop the stack and delete its data; .venv and .build stay
	@$(RUN) -m infra.local clean

$(READY): $(REQUIREMENTS)
	@for candidate in $(PYTHONS); do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			python="$$candidate"; break; \
		fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "ArtStore needs Python 3.11 or newer; none of these is: $(PYTHONS)." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
		exit 1; \
	fi; \
	if ! $(RUN) -m pip --version >/dev/null 2>&1; then \
		echo "making $(VENV) with $$("$$python" --version)"; \
		"$$python" -m venv --clear $(VENV) || exit 1; \
	fi; \
	echo "installing the tools into $(VENV)"; \
	if ! $(RUN) -m pip install -qq --disable-pip-version-check -r requirements-dev.txt 2>$(VENV)/pip.log; then \
		echo "pip could not install the tools: $$(tail -n 1 $(VENV)/pip.log)" >&2; \
		echo "Does this machine reach PyPI? HTTPS_PROXY or PIP_INDEX_URL may name another way." >&2; \
		exit 1; \
	fi
	@touch $@
