# The two commands: `make run` and `make test`. Both skip what is done, and can be interrupted and run again.

PYTHON ?= python3
BIN := .venv/bin
QUESTION := By how much does LongGen cut KV cache memory?

.PHONY: run test check

run: .venv/.run-tools
	$(BIN)/assistant models pull
	$(BIN)/assistant ingest index/corpora/sample.jsonl
	$(BIN)/assistant ask "$(QUESTION)"
	$(BIN)/python app.py

test: .venv/.test-tools
	$(BIN)/assistant models pull
	$(BIN)/assistant ingest index/corpora/sample.jsonl
	$(MAKE) check

# What `make test` runs once everything is there.
check:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

# A stamp is written last, so that an installation that was interrupted goes on at the next run.
.venv/.run-tools: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Error: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --editable .
	@touch $@

.venv/.test-tools: .venv/.run-tools
	$(BIN)/python -m pip install --disable-pip-version-check --editable ".[dev]"
	@touch $@
