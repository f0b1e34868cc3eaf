# Two commands matter to a new user: `make run` and `make test`. Each stands alone: it creates .venv when missing,
# installs from the hashed lock, and does its job. Only Python 3.11+, git and make are assumed.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
CRATE ?= reports/2026Q1
SEED ?= 1
COUNT ?= 1000

.PHONY: help run test test-slow lint dvc-yaml benchmark attacks fuzz recovery severity dictionary docs crate lock audit-dependencies clean clean-generated

help: ## show this help
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 22

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "race-to-efficiency needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: $(STAMP) ## the main job: ledgers -> fits -> forecast -> report
	$(BIN)/python -m race_to_efficiency run

# compiled modules are kept, whatever the environment says: rewriting every test's assertions anew takes seconds
test: $(STAMP) ## lint, types, layers and the test suite
	$(MAKE) --no-print-directory lint
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-slow: $(STAMP) ## what `make test` leaves out: simulation studies, long tables, the quarter's whole chain (10 minutes)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m slow

lint: $(STAMP) ## ruff, mypy, import-linter, dvc.yaml and the JSON Schemas against the code
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m race_to_efficiency.stages.declared
	$(BIN)/python -m race_to_efficiency.json_records --check

dvc-yaml: $(STAMP) ## rewrite dvc.yaml: settings and files that a small quarter's stages read, code they reach (half a minute)
	$(BIN)/python tests/what_stages_read.py

json-schemas: $(STAMP) ## rewrite json_schemas/ from the typed records of what `--json` prints
	$(BIN)/python -m race_to_efficiency.json_records

benchmark: $(STAMP) ## measured speed and memory, side by side with peers
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

attacks: $(STAMP) ## stop, kill and alter copies of the checkout; hours, figures on the screen
	@for script in benchmarks/attacks/*_anywhere.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

fuzz: $(STAMP) ## feed the commands changed files: make fuzz SEED=1 COUNT=10000
	$(BIN)/python tests/fuzz_driver.py --seed $(SEED) --count $(COUNT)

recovery: $(STAMP) ## simulated-truth study, reports/recovery.md (some 18 minutes on two cores; resumable)
	$(BIN)/python -m race_to_efficiency recovery

severity: $(STAMP) ## recompute the severity table
	$(BIN)/python -m race_to_efficiency severity

dictionary: $(STAMP) ## regenerate what describes the ledgers: README.md, datapackage.json
	$(BIN)/python -m race_to_efficiency dictionary

docs: $(STAMP) ## the documentation site, build/docs/site/index.html: its commands and cells are run (under a minute)
	$(BIN)/python docs/build.py

crate: ## validate a published quarter's RO-Crate, CRATE=reports/2026Q1 (needs the network)
	@test -x build/roc/bin/rocrate-validator || \
	  { $(PYTHON) -m venv build/roc && build/roc/bin/python -m pip install --quiet roc-validator==0.13.0; }
	build/roc/bin/rocrate-validator -y validate --skip-availability-check --no-paging --verbose \
	  --profile-identifier process-run-crate --requirement-severity REQUIRED $(CRATE) || \
	  { echo "not validated, or not valid: the validator fetches the RO-Crate context; without network it cannot tell"; exit 1; }

audit-dependencies: $(STAMP) ## known vulnerabilities of the locked libraries (needs the network)
	$(BIN)/python -m pip_audit --strict --requirement requirements.lock --disable-pip

lock: ## re-resolve requirements.lock (needs uv)
	uv pip compile pyproject.toml --extra pipeline --extra report --extra cluster --group dev --group docs --generate-hashes \
	  --universal --python-version 3.11 --no-emit-index-url --no-header --quiet --output-file requirements.lock

clean-generated: ## remove what the stages wrote, keep the ledgers and the published quarters
	rm -rf data/processed .dvc/cache .dvc/tmp

clean: clean-generated ## also remove .venv and the tools' caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
