# The two commands of the README are `make up` and `make test`. All tools live in .venv, at the versions of uv.lock.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
EVERY  ?= 10
UP     := --every $(EVERY) $(if $(TICKS),--ticks $(TICKS)) $(ARGS)

# The machine's own certificates count too, as behind a company's proxy.
export UV_SYSTEM_CERTS ?= 1
# The tests start hundreds of processes: what was compiled once is kept, also where the machine is set to keep nothing.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: up test check bench drill simulate docs screenshots clean

up: $(VENV)/.synced                       ## the whole product on this machine: make up [TICKS=3] [EVERY=10]
	$(BIN)/tickover up $(UP)

test: check                               ## the one gate
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.synced                    ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.synced                    ## figures, measured here and now: make bench [ARGS="--quick --goals"]
	$(BIN)/python -m bench $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m bench.engine)
	$(if $(ARGS),,$(BIN)/python -m bench.watchdog)
	$(if $(ARGS),,$(BIN)/python -m bench.rollback)
	$(if $(ARGS),,$(BIN)/python -m bench.pages)
	$(if $(ARGS),,$(BIN)/python -m bench.queue_pages)

drill: $(VENV)/.synced                    ## game days under real processes, about 8 minutes; a report in drill.html
	$(BIN)/tickover drill --html drill.html

simulate: $(VENV)/.synced                 ## ticks under virtual time and seeded faults: make simulate [SIMULATED=10000000]
	$(BIN)/python -m tests.simulation --ticks $(or $(SIMULATED),100000)

docs: $(VENV)/.synced                     ## the pages that are drawn from code
	$(BIN)/python docs/draw_states.py

screenshots: $(VENV)/.synced              ## pictures of the dashboard, in docs/img; needs Chromium
	$(BIN)/python docs/make_screenshots.py

clean:
	rm -rf $(VENV) .bench .tickover .mypy_cache .ruff_cache .pytest_cache

# uv makes the environment from the lock file; where it is missing, pip brings it into .venv.
$(VENV)/.synced: pyproject.toml uv.lock
	@command -v uv >/dev/null 2>&1 || { test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/pip install --quiet uv; }; }
	$(UV) sync --quiet --locked --inexact --all-extras --python $(PYTHON)
	@touch $@
