# 12345 citizen hotline. `make run` is all that a newcomer needs; see README.md.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done || true)
VENV := .venv/bin/python

.PHONY: run test setup speech bench check

run: setup
	@exec $(VENV) -m hotline up

setup:
	@test -n "$(PYTHON)" || { echo "需要 Python 3.11 或更高版本 / Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -m hotline.setup

# The second speech engine, and the models and servers that tests and measurements need.
speech:
	@test -n "$(PYTHON)" || { echo "需要 Python 3.11 或更高版本 / Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -m hotline.setup speech

check: speech
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .
	@$(VENV) -m mypy
	@.venv/bin/lint-imports

# Three files at a time: tests with telephones wait more than they work, but their sound needs a free core. The fast tiers come first.
test: check
	@$(VENV) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# Standard output holds figures only, one JSON object a line.
bench:
	@$(MAKE) --no-print-directory speech >&2
	@$(VENV) -m bench
