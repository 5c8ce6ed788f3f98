# Two commands are enough: `make demo` and `make test`. Both set up what is missing first.
PYTHON := .venv/bin/python
MINUTES := 10
TESTS := not integration and not long
# What the tests of goals have seen; a part of them may be run again with FAULTS=long SEEN=…
SEEN := tests/seen.jsonl

# Compiled once, whatever the caller's environment says: the tests start a thousand processes.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check messages lint type integration long faults fuzz bench bench-scale bench-disks bench-guests clean

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: .venv/installed ## Install what is missing (scripts/packages.txt) and start libvirt
	@scripts/setup

.venv/installed: pyproject.toml scripts/packages.txt
	@scripts/setup
	# Debian's bindings of libvirt and libguestfs belong to the system's own interpreter.
	/usr/bin/python3 -m venv --system-site-packages .venv
	$(PYTHON) -m pip install --quiet --editable '.[dev]'
	touch $@

demo: setup ## Apply manifests/ and show the guest's serial console
	@scripts/demo

test: setup ## Run every test, real guests included
	$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup ## Run the fast tests: no appliance, no guest
	$(PYTHON) -m pytest -n 3 -m 'not integration and not long'

messages: setup ## Run TESTS (the fast ones), and list the errors whose message none triggers
	rm -f .messages
	MESSAGES=$(CURDIR)/.messages PYTHONPATH=$(CURDIR)/tests/watching:$(CURDIR) \
		$(PYTHON) -m pytest -n 3 --dist loadfile -m '$(TESTS)'
	$(PYTHON) -m tests.messages .messages

lint: setup ## Run ruff and import-linter
	.venv/bin/ruff check .
	.venv/bin/lint-imports

type: setup ## Run mypy --strict
	.venv/bin/mypy

integration: setup ## Run the tests with real libvirt, qemu and libguestfs
	$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'integration and not long'

long: setup ## Run the tests that take too long for every run
	$(PYTHON) -m pytest -n 3 --dist loadfile -m long

# What fails in one half does not keep the other one from being tried, and told.
faults: setup ## Break things on purpose, many times; writes docs/reliability.md (takes hours)
	rm -f $(SEEN)
	@failed=0; export FAULTS=long SEEN=$(CURDIR)/$(SEEN); set -x; \
	$(PYTHON) -m pytest -n 3 --dist worksteal -m goal tests/faults || failed=1; \
	$(PYTHON) -m pytest -n 3 --dist loadfile -m goal --ignore tests/faults || failed=1; \
	$(PYTHON) -m tests.goals $$SEEN docs/reliability.md || failed=1; \
	exit $$failed

fuzz: setup ## Try manifests that coverage leads to, for MINUTES=10; what it finds is a file crash-…
	$(PYTHON) -m pip install --quiet --editable '.[fuzz]'
	$(PYTHON) -m tests.input.fuzz -max_total_time=$$(( 60 * $(MINUTES) )) -timeout=20

bench-disks: setup ## Measure kinds of disks against a raw file; writes docs/disk-speed.md
	$(PYTHON) scripts/bench-disks

bench: setup ## Measure beside kcli, Ansible, virt-install and the bare tools; writes benchmarks/RESULTS.md
	$(PYTHON) -m benchmarks

bench-scale: setup ## The same of a thousand machines
	$(PYTHON) -m benchmarks --scale

bench-guests: setup ## Measure sixteen guests against virt-customize; writes docs/guest-speed.md
	$(PYTHON) -m benchmarks.guests

.PHONY: site picture
SITE_NEEDS := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"])

site: setup .venv/site/bin/zensical ## Build the documents as a site into site/; a link that leads nowhere is an error
	.venv/site/bin/zensical build --clean --strict

.venv/site/bin/zensical: pyproject.toml
	# In a place of its own: what it needs is not to change what the tests run with.
	/usr/bin/python3 -m venv .venv/site
	.venv/site/bin/pip install --quiet $$($(PYTHON) -c '$(SITE_NEEDS)')
	touch $@

picture: setup ## Draw docs/terminal.svg anew, from what a real apply shows
	$(PYTHON) scripts/picture

clean: ## Remove what setup and the tests made in this folder
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
