# Two commands do everything: `make book` and `make test`. Each sets up its own environment once.
# Needs Python 3.11 or later and make; only pip ever asks the network.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.mindreader-ready
HOME_FOR_TESTS := $(CURDIR)/.make/home

.PHONY: help setup book book-elsewhere chapters report site test tables bench pretrain clean-store

help:
	@echo "make book         run every chapter, render the site, say what differs from the committed book and where it is"
	@echo "make book-elsewhere  run every chapter in a copy, as a machine with fewer instruction sets would, and say what differs"
	@echo "make test         the whole test suite, notebooks included"
	@echo "make setup        only the virtual environment ($(VENV))"
	@echo "make site         render the site from the committed chapters, running nothing"
	@echo "make tables       train every variant of Tables 1, 3, 4 and 5, refit the headline networks, measure coverage, stimulate, count failures, examine scores (hours)"
	@echo "make bench        how fast the trainings are, beside plain references (a few minutes)"
	@echo "make pretrain     train the shipped weights again (hours; PARTS=generators DEVICE=cuda MINUTES=10 for those alone)"
	@echo "make clean-store  forget finished stages (simulated subject and runs); keeps your NSD copy"

setup: $(READY)

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "mindreader needs Python 3.11 or later, and $(PYTHON) is %d.%d; name another one: make PYTHON=/path/to/python3.11" % v[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The report has a page in the site, so it is made before; it is said last, and judges the machine, not the making.
book: chapters
	@mkdir -p .make && { $(BIN)/python -m mindreader.companion.reproduction > .make/reproduction.txt 2>&1 || true; }
	@$(MAKE) --no-print-directory site
	@cat .make/reproduction.txt
	@echo "The book is at $(CURDIR)/book/_build/html/index.html"

report: $(READY)
	$(BIN)/python -m mindreader.companion.reproduction

# A copy of the checkout and a home of its own, beside the stages that are kept; the checkout is only read.
book-elsewhere: $(READY)
	$(BIN)/python -m mindreader.companion.reproduction --elsewhere

chapters: $(READY)
	$(BIN)/python -m mindreader.companion.nb

site: $(READY)
	$(BIN)/jupyter-book build -W -n --keep-going book

# A file of tests, or a notebook, to a processor: one thread each is faster than several that wait for one another.
test: $(READY)
	MINDREADER_HOME="$${MINDREADER_HOME:-$(HOME_FOR_TESTS)}" OMP_NUM_THREADS=1 \
	$(BIN)/python -m pytest --nbval --durations=15 --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

tables: $(READY)
	$(BIN)/python -m mindreader.studies tables

bench: $(READY)
	$(BIN)/python -m benchmarks

# On a GPU: make pretrain PARTS=generators DEVICE=cuda MINUTES=10. What was interrupted goes on with FLAGS=--resume.
PARTS ?= all
DEVICE ?= cpu
pretrain: $(READY)
	$(BIN)/python -m mindreader.pretraining $(PARTS) --device $(DEVICE) $(if $(MINUTES),--minutes $(MINUTES)) $(FLAGS)

clean-store: $(READY)
	$(BIN)/python -m mindreader.core.store --clean
