# Aliases of dev.py, which makes the environment that each needs.
PYTHON ?= python3

.PHONY: evals test lint oldest wheel ci
evals test lint oldest wheel ci:
	$(PYTHON) dev.py $@
