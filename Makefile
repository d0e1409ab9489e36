# Every command of the project is a word here; `make` alone lists them.
# Needed: Python 3.11 or newer as `python3`, git, make, and a network with PyPI and npm. All else is
# installed into .venv, from requirements.lock and frontend/package-lock.json, with hashes checked.

PYTHON ?= python3
WORKERS ?= 2
TESTS ?=
PLAYS ?= 300
ARGS ?=

bin := .venv/bin
manifest := src/greenroom/web/static/manifest.json
# Folders count too: a file that was removed changes its folder.
frontend := $(shell find frontend -name node_modules -prune -o -print)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo serve test browser lint fix hunt bench docs pictures assets watch wheel lock clean

help: ## list these words
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

install: .venv/project.stamp $(manifest) ## create .venv with everything in it, build the front end

demo: install ## try it: database, Cal.com simulator and sample candidates, all on this machine
	@$(bin)/greenroom demo $(ARGS)

serve: install ## run the application (ARGS="--port 9000")
	@$(bin)/greenroom serve $(ARGS)

test: lint browser ## lint, then every test (TESTS=tests/bookings for some)
	@GREENROOM_TEST_CHROMIUM="$$(cat .venv/chromium)" $(bin)/pytest -n $(WORKERS) --dist loadfile $(TESTS)

lint: install ## check style, types and who imports whom
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy
	@$(bin)/lint-imports

fix: install ## mend what ruff can mend
	@$(bin)/ruff check --fix . || true
	@$(bin)/ruff format .

hunt: browser ## let chance play against Greenroom for long, with new luck each time (PLAYS=1000 for longer)
	@GREENROOM_HUNT=$(PLAYS) GREENROOM_TEST_CHROMIUM="$$(cat .venv/chromium)" $(bin)/pytest tests/machine tests/hostile

pictures: browser ## take the documentation's pictures anew, from the demo
	@GREENROOM_PICTURES=1 GREENROOM_TEST_CHROMIUM="$$(cat .venv/chromium)" $(bin)/pytest tests/journeys/test_pictures.py

bench: install ## measure: intake, drain, live, pages
	@$(bin)/python -m benchmarks $(ARGS)

docs: install ## test the documentation
	@$(bin)/pytest tests/test_docs.py

assets: .venv/project.stamp ## build the front end
	@$(bin)/python hatch_build.py

watch: .venv/project.stamp ## build the front end at every change
	@$(bin)/python hatch_build.py --watch

wheel: .venv/project.stamp ## build dist/greenroom-*.whl
	@$(bin)/uv build --python $(bin)/python --no-build-isolation --wheel --out-dir dist
	@ls dist/*.whl

lock: .venv/packages.stamp ## bring both lock files in line with pyproject.toml and package.json (UPGRADE=--upgrade for newer versions)
	@$(bin)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "uv", sep="\n")' \
	  | $(bin)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" $(UPGRADE) --group dev pyproject.toml - --output-file requirements.lock
	@cd frontend && ../$(bin)/npm install --package-lock-only

clean: ## remove everything made by these words, except your data
	rm -rf .venv frontend/node_modules $(dir $(manifest)) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +


# What the words above stand on. Each stamp is newer than what it was made from.

$(bin)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Greenroom needs Python 3.11 or newer, and `$(PYTHON)` is not. Name another one: make PYTHON=python3.12 ...'; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo '`$(PYTHON)` cannot create virtual environments. Install its venv module (Debian, Ubuntu: apt-get install python3-venv) and run make again.'; exit 1; }
	@$(PYTHON) -m venv --clear .venv

.venv/uv.stamp: $(bin)/python requirements.lock
	@echo 'Installing what requirements.lock names into .venv'
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@$(bin)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement .venv/uv.txt
	@touch $@

.venv/packages.stamp: .venv/uv.stamp
	@$(bin)/uv pip install --quiet --python $(bin)/python --require-hashes --requirement requirements.lock
	@touch $@

.venv/project.stamp: .venv/packages.stamp pyproject.toml hatch_build.py
	@echo 'Installing Greenroom and building its front end'
	@$(bin)/uv pip install --quiet --python $(bin)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(manifest): $(frontend) hatch_build.py | .venv/project.stamp
	@$(bin)/python hatch_build.py

# .venv/chromium holds the path of a browser: the installed one, else Debian's, else Playwright's own.
find_browser = for name in "$$GREENROOM_TEST_CHROMIUM" chromium chromium-browser google-chrome; do \
  path=$$(command -v "$$name") && "$$path" --version >/dev/null 2>&1 && echo "$$path" && break; done > .venv/chromium
browser: .venv/project.stamp
	@$(find_browser) || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo 'Installing Chromium for the browser tests' \
	    && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium >/dev/null && $(find_browser); } \
	  || { $(bin)/playwright install chromium \
	    && $(bin)/python -c 'from playwright.sync_api import sync_playwright as start; print(start().start().chromium.executable_path)' > .venv/chromium; } \
	  || { echo 'The browser tests need Chromium: install it, or say where it is with GREENROOM_TEST_CHROMIUM.'; exit 1; }
