# `make demo` and `make test` need nothing but Python 3.10 or later; the rest follows.

VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check setup clean

demo: setup
	$(BIN)/consingan examples examples
	$(BIN)/consingan generation train examples/landscape.png --max-size 80 --train-stages 4 \
		--preset draft --niter 500
	$(BIN)/consingan generation apply landscape --num-samples 15

test: setup
	$(BIN)/pytest -n 2 --dist loadfile

check: setup
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy

setup: $(VENV)/installed

# The constraints pin every version; the ranges are in pyproject.toml.
$(VENV)/installed: pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]" \
		$(patsubst %,-e ./%,$(wildcard plugins/*))
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build *.egg-info plugins/*/*.egg-info plugins/*/build
