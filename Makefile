# The README's commands are `make book` and `make test`; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HTML := _build/html
CHAPTERS := $(wildcard book/*.ipynb)
LIBRARY_TESTS := tests dendnet --doctest-modules --ignore=tests/book --ignore=tests/workshop -m "not slow"
# What rests on TensorFlow's own convolutions and products, which its CPU computes in one way with oneDNN and in another
# without; TensorFlow has it on by itself only where the processor has AVX512_VNNI or AMX.
ONEDNN_TESTS := tests/ops tests/layers tests/convert
CORE_TESTS := tests/ops/test_blocked.py tests/ops/test_native.py tests/ops/test_dac_dense.py tests/ops/test_dac_conv.py tests/layers/test_layers.py
QUICK_TESTS := tests/ops/test_dac_dense.py tests/ops/test_dac_conv.py tests/layers/test_layers.py tests/test_import.py \
  tests/book/test_chapters.py tests/workshop/test_project.py
BACKEND := jax
# Test processes side by side; each holds a backend of its own, about 1 GB.
JOBS := 2
SHARED := -q -n $(JOBS) --dist worksteal
TORCH := torch==2.13.0
JAX := jax==0.10.2
TRITON := triton==3.9.0; sys_platform == 'linux'
EXPORTERS := jax2onnx==0.17.1 onnxscript==0.7.2 onnxruntime "tensorflow-cpu; platform_machine == 'x86_64'"

# Notebook kernels and TensorFlow speak to stderr about GPUs that are not there.
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYDEVD_DISABLE_FILE_VALIDATION ?= 1

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: $(HTML)/.built  ## build the book as HTML and say where it is
	@echo "The book is built: open $(HTML)/index.html, or run make serve."

pdf: $(HTML)/dendnet.pdf  ## print the book as one PDF (Chromium)

test: $(VENV)/.ready  ## test the library and the book, and execute every chapter and compare its outputs
	$(BIN)/pytest tests dendnet --doctest-modules -m "not slow and not browser" $(SHARED)
	$(BIN)/pytest --nbval --nbval-current-env --nbval-cell-timeout=600 --nbval-sanitize-with=tools/nbval.cfg $(CHAPTERS) -q -n $(JOBS) --dist loadfile

check: $(VENV)/.ready  ## within two minutes: style, types and the tests that most changes need
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(QUICK_TESTS) $(SHARED)

test-without-onednn: $(VENV)/.ready  ## the operation, layers and conversions as on a CPU where TensorFlow has no oneDNN
	TF_ENABLE_ONEDNN_OPTS=0 $(BIN)/pytest $(ONEDNN_TESTS) -m "not slow and not browser" $(SHARED)

serve: book  ## show the book on localhost:8000
	@echo "The book is at http://localhost:8000 until you press Ctrl-C."
	@$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory $(HTML) 2>/dev/null

notebooks: $(VENV)/.ready  ## execute the chapters and store their outputs, cleaned
	$(BIN)/python tools/notebooks.py $(CHAPTERS)

moving: $(VENV)/.ready  ## store the numbers and static pictures of the figures that move (Chromium)
	$(BIN)/python tools/moving.py

lint: $(VENV)/.ready  ## check style, types and the GitHub workflows
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --no-progress .github/workflows

stamp: $(VENV)/.ready  ## write the repository's address from pyproject.toml wherever it stands
	$(BIN)/python tools/stamp.py

requirements: $(VENV)/.ready  ## resolve requirements.txt anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --extra book --extra test --extra data \
	  --group workshop --upgrade --custom-compile-command "make requirements" -q -o requirements.txt

test-backends: .venv-backends/.ready  ## the library's tests on JAX and on torch
	KERAS_BACKEND=jax .venv-backends/bin/pytest $(LIBRARY_TESTS) $(SHARED)
	KERAS_BACKEND=torch .venv-backends/bin/pytest $(LIBRARY_TESTS) $(SHARED)
	KERAS_BACKEND=tensorflow .venv-backends/bin/pytest tests/layers/test_saving.py -q -k another

test-core: .venv-backends/.ready  ## the operation and its layers on JAX and on torch, the quick part of test-backends
	KERAS_BACKEND=jax .venv-backends/bin/pytest $(CORE_TESTS) $(SHARED)
	KERAS_BACKEND=torch .venv-backends/bin/pytest $(CORE_TESTS) $(SHARED)

test-lowest: .venv-lowest-$(BACKEND)/.ready  ## the library's tests on the lowest versions it admits (BACKEND=jax), whose warnings pass
	KERAS_BACKEND=$(BACKEND) .venv-lowest-$(BACKEND)/bin/pytest $(LIBRARY_TESTS) $(SHARED) -W default

test-all: lint test book test-without-onednn test-backends test-lowest  ## everything, the slow parts too: mutations, wheel, browser
	$(BIN)/pytest tests -m "slow or browser" -rs $(SHARED)

clean:  ## remove what make has made, the environments too
	rm -rf $(VENV) .venv-backends .venv-lowest-* _build dist

$(VENV)/.ready: requirements.txt pyproject.toml tools/venv.sh
	@echo "Installing into $(VENV) ..."
	@sh tools/venv.sh $(VENV) "$(PYTHON)" -r requirements.txt -e .
	@touch $@

# uv finds the CPU build of torch on torch's own index; pip, asked next, takes what its own settings find. That build
# comes without Triton, which interprets and compiles the fused kernels here.
.venv-backends/.ready: requirements.txt pyproject.toml tools/venv.sh Makefile
	@echo "Installing into .venv-backends ..."
	@sh tools/venv.sh .venv-backends "$(PYTHON)" -c requirements.txt $(JAX) "$(TRITON)" $(EXPORTERS) pytest pytest-xdist hypothesis -e '.[data,geometry,theory]'
	@.venv-backends/bin/uv pip install -q --python .venv-backends --torch-backend=cpu $(TORCH) 2>/dev/null || \
	  .venv-backends/bin/python -m pip install -q $(TORCH)
	@touch $@

.venv-lowest-$(BACKEND)/.ready: pyproject.toml tools/venv.sh
	@echo "Installing into .venv-lowest-$(BACKEND) ..."
	@sh tools/venv.sh .venv-lowest-$(BACKEND) "$(PYTHON)" --resolution lowest-direct -e '.[$(BACKEND),data,geometry,theory]' 'pytest>=8' 'pytest-xdist>=3.6' 'hypothesis>=6.100'
	@touch $@

# -W makes a warning an error. What failed is removed: an unchanged page would not warn a second time. Where no page
# changed, Sphinx leaves changed styles and scripts uncopied.
$(HTML)/.built: $(VENV)/.ready _config.yml _toc.yml $(shell find book dendnet tools -type f -not -path "*/__pycache__/*")
	@$(BIN)/jupyter-book build . -W -n --keep-going --quiet || { rm -rf _build; exit 1; }
	@cp -R book/static/. $(HTML)/_static/
	@touch $@

$(HTML)/dendnet.pdf: $(HTML)/.built
	@$(BIN)/python tools/pdf.py

.PHONY: help book pdf test check serve notebooks moving lint stamp requirements test-core test-without-onednn \
  test-backends test-lowest test-all clean
