# `make demo` and `make test` need nothing but Python 3.10 or later; the rest follows.

VENV := .venv
BIN := $(VENV)/bin

RAY := plugins/consingan-ray

.PHONY: demo test test-ray check setup clean

demo: setup
	$(BIN)/consingan examples examples
	$(BIN)/consingan generation train examples/landscape.png --max-size 80 --train-stages 4 \
		--preset draft --niter 500
	$(BIN)/consingan generation apply landscape --num-samples 15

test: setup
	$(BIN)/pytest -n 2 --dist loadfile

# Ray is 80 MB to load and 290 MB on the disk, and not there for every system: only who asks gets it.
test-ray: setup
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ./$(RAY)
	$(BIN)/pytest $(RAY)

check: setup
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy

setup: $(VENV)/installed

# The constraints pin every version; the ranges are in pyproject.toml.
$(VENV)/installed: pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]" \
		$(patsubst %,-e ./%,$(filter-out $(RAY),$(wildcard plugins/*)))
	$(BIN)/python -m compileall -q consingan plugins
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build *.egg-info plugins/*/*.egg-info plugins/*/build
