# run: serve the page; test: everything CI runs; check: lint and types; bench, soak: figures; lock: pin versions; clean.
.DEFAULT_GOAL := help
.PHONY: help run test coverage check bench soak toys avatars directions memorability pictures reference lock clean chromium

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_PAGE := tools/page/node_modules/.installed
NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps
# Nothing is installed whose hash is not in locks/, and nothing that has to be built, since that would run unlocked code.
HASHED := --require-hashes --only-binary :all:
# Where torch alone comes from, if not from PyPI: PyTorch's index of CPU builds spares an x86 machine some GB of CUDA.
# Without it, a CPU build that pip is configured to find is taken before PyPI's.
TORCH_INDEX :=
define install
	$(PIP) $(HASHED) -r locks/$(1).txt
	$(if $(TORCH_INDEX),PIP_INDEX_URL=$(TORCH_INDEX) $(PIP) $(HASHED) -r locks/torch-cpu.txt,\
	  $(PIP) $(HASHED) -r locks/torch-cpu.txt 2>/dev/null || $(PIP) $(HASHED) -r locks/torch.txt)
	$(PIP) --no-build-isolation -e .
endef

help:
	@echo "make run    serve the page on 127.0.0.1:8000"
	@echo "make test   lint, types and every test"
	@echo "make coverage  run every test and report line coverage; fails below 90 %"
	@echo "make check  lint and types alone"
	@echo "make bench  measure forward, encoding and the live round trip"
	@echo "make soak   minutes of dragging, learning and exporting, and of fuzzing the readers (LATENTWALK_FUZZ_MINUTES each)"
	@echo "make toys   render the toys, teach the bundled generator and learn its sliders again; takes two hours on two cores"
	@echo "make avatars  draw the data, train and measure the bundled avatars; needs Node.js and many hours; run it again to resume"
	@echo "make directions  learn the bundled directions again; takes half an hour"
	@echo "make memorability  learn the bundled memorability sliders again; downloads ResMem; takes an hour on two cores"
	@echo "make pictures  record the pictures of the page in docs/images; needs Chromium"
	@echo "make reference  generate docs/reference from the commands, the settings and the HTTP API"
	@echo "make lock   pin and hash all dependencies again after a change in pyproject.toml; UPGRADE=1 takes the newest"
	@echo "make clean  remove the virtual environment, caches and build files; learned directions are kept"

run: $(INSTALLED)
	$(BIN)/latentwalk serve

# One worker a core, each computing on one thread: two busy processes with two OpenMP threads each spend most of
# their time waiting for one another.
WORKERS := auto
test: check chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS)

coverage: $(INSTALLED_DEV) chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --cov --cov-report=term:skip-covered

check: $(INSTALLED_DEV) $(INSTALLED_PAGE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(NODE) tools/page/node_modules/.bin/eslint --config tools/page/eslint.config.js --max-warnings 0 static/js
	$(NODE) tools/page/node_modules/.bin/tsc --project tools/page/tsconfig.json

bench: $(INSTALLED)
	$(BIN)/latentwalk bench

soak: PROGRAMS := firefox-esr WebKitWebDriver Xvfb
soak: PACKAGES := firefox-esr webkit2gtk-driver xvfb gstreamer1.0-plugins-good gstreamer1.0-libav
soak: $(INSTALLED_DEV) chromium
	$(BIN)/python -m pytest -m soak

toys: $(INSTALLED)
	$(BIN)/latentwalk scenes --count 24000 --out data/toys
	$(BIN)/latentwalk train recipes/toys.json --out models/bundled
	$(MAKE) directions GENERATORS=toys

avatars: $(INSTALLED)
	test -d data/avatars || (cd tools/avatars && npm ci && node render.mjs ../../data/avatars)
	$(BIN)/latentwalk train recipes/avatars-begin.json --out build/generators
	$(BIN)/latentwalk train recipes/avatars.json --out models/bundled --report
	$(MAKE) directions GENERATORS=avatars

GENERATORS := avatars eyes faces
directions: $(INSTALLED)
	test -d "$${LATENTWALK_HOME:-$$HOME/.local/share/latentwalk}/generators/faces" || $(BIN)/latentwalk pull faces
	for generator in $(GENERATORS); do \
	  for transform in zoom shift_x shift_y rotate brightness contrast red green blue saturation; do \
	    $(BIN)/latentwalk learn $$transform --generator $$generator --twin --layers all --out models/bundled/$$generator || exit 1; \
	  done; \
	  for method in pca sefa; do \
	    $(BIN)/latentwalk discover $$method --generator $$generator --count 4 --out models/bundled/$$generator || exit 1; \
	  done; \
	done

memorability: $(INSTALLED)
	test -d "$${LATENTWALK_HOME:-$$HOME/.local/share/latentwalk}/generators/faces" || $(BIN)/latentwalk pull faces
	test -d "$${LATENTWALK_HOME:-$$HOME/.local/share/latentwalk}/regressors/resmem" || $(BIN)/latentwalk pull resmem
	for generator in eyes faces; do \
	  $(BIN)/latentwalk learn --regressor resmem --generator $$generator --id memorability --reach 0.2 --steps 110 \
	    --batch 8 --samples 1600 --out models/bundled/$$generator || exit 1; \
	done

pictures: $(INSTALLED_DEV) chromium
	$(BIN)/python tools/slider_animation.py

clean:
	rm -rf $(VENV) tools/page/node_modules build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@found=; \
	for python in $(PYTHON) python3 python3.12 python3.13 python3.11 python; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.11 or newer was not found. Install it, or pass its path: make run PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	  echo "This Python has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	"$$found" -m venv $(VENV)

$(INSTALLED): pyproject.toml $(wildcard locks/*.txt) | $(BIN)/python
	@echo "Installing Latentwalk into $(VENV); this takes a minute or two the first time."
	$(call install,serve)
	@touch $@

$(INSTALLED_DEV): pyproject.toml $(wildcard locks/*.txt) | $(BIN)/python
	@echo "Installing Latentwalk and its development tools into $(VENV); this takes a minute or two the first time."
	$(call install,dev)
	@touch $@ $(INSTALLED)

# ESLint and TypeScript, which check the page's scripts. They run on the Node.js of the dev extra and are not needed to serve.
$(INSTALLED_PAGE): tools/page/package.json tools/page/package-lock.json | $(INSTALLED_DEV)
	cd tools/page && $(NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# The browser and the reverse proxy that the tests of the page use: installed where that is allowed, else asked for.
# Further programs that must be there, and the Debian packages that have them.
PROGRAMS :=
PACKAGES :=
chromium:
	@missing=; \
	for program in $(PROGRAMS); do command -v $$program || missing="$(PACKAGES)"; done; \
	command -v chromium || command -v chromium-browser || command -v google-chrome || missing="$$missing chromium"; \
	PATH="$$PATH:/usr/sbin:/usr/local/sbin" command -v nginx || missing="$$missing nginx-light"; \
	if [ -z "$$missing" ]; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing; \
	elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then \
	  sudo apt-get -qq update && sudo DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing; \
	else \
	  echo "The tests of the page need$$missing: install it, for example with apt-get install$$missing." >&2; exit 1; \
	fi >/dev/null

reference: $(INSTALLED)
	$(BIN)/python -m tools.reference

lock:
	rm -rf build/lock && python3 -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check install --quiet $(HASHED) -r locks/uv.txt
	build/lock/bin/python tools/lock.py build/lock/bin/uv $(if $(UPGRADE),upgrade)
