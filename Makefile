# Cada alvo prepara tudo de que precisa. Só exige Python >= 3.11 e make.
#   TORCH_INDEX   índice do PyTorch a usar, por exemplo o de CPU ou o de CUDA (por padrão, o do pip)
#   JOBS          processos em paralelo (por padrão, um por núcleo)
PYTHON ?= python3
JOBS ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count())")
BIN := .venv/bin
READY := .venv/pronto

.DEFAULT_GOAL := help
.PHONY: help book test check bench serve lint lock clean
.PHONY: links weekly release-check release-assets release-publish push-notebooks

help:
	@echo "make book   constrói o livro em _build/html e os notebooks em _build/notebooks"
	@echo "make serve  serve o livro em http://127.0.0.1:8000"
	@echo "make check  o ciclo rápido: estilo, ganlib e provas por computação"
	@echo "make test   tudo: livro, páginas no navegador, notebooks e mutações"
	@echo "make bench  mede o passo contra os laços que se copiam por aí e contra o piso da máquina"
	@echo "make links  confere os links do livro para fora; make weekly roda os notebooks com as versões do Colab"
	@echo "make release-check  prova o que se pode provar de um lançamento"
	@echo "make lock   renova requirements.lock"
	@echo "make clean  apaga _build"

# O torch vem primeiro e sozinho: assim nenhum outro pacote escolhe por nós uma versão com CUDA.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "Preciso de Python >= 3.11; indique um com: make PYTHON=python3.12 …"; exit 1; }
	@echo "Preparando o ambiente em .venv (só na primeira vez ou quando as dependências mudam)"
	@$(PYTHON) -m venv .venv || { echo "Falta o módulo venv; no Debian ou Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) \
	  "$$(grep '^torch==' requirements.lock)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

book: $(READY)
	@$(BIN)/python book/_ext/build.py --jobs $(JOBS)

# loadfile: cada arquivo de testes fica num processo só, com o que ele constrói (o livro de amostra, o navegador).
check: $(READY) lint
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not site and not browser and not slow"

test: $(READY) lint
	@$(BIN)/python tests/system_packages.py
	@$(MAKE) --no-print-directory book
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

# Um relatório de quocientes, nunca um teste: rode com a máquina quieta. ARGS="--rows ring/plain/T1 --rounds 30"
bench: $(READY)
	@$(BIN)/python -m benchmarks $(ARGS)
	@$(BIN)/python -m benchmarks.grading

lint: $(READY)
	@$(BIN)/ruff check -q .
	@$(BIN)/python -m release.workflows

serve: $(READY)
	@test -f _build/html/index.html || { echo "O livro ainda não foi construído: rode make book"; exit 1; }
	@echo "O livro está em http://127.0.0.1:8000 (Ctrl-C para parar)"
	@$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

# Os links do livro para fora. Precisa de rede; as exceções e os seus motivos estão em release/link_exceptions.yml.
links: book
	@$(BIN)/python -m release.links

# Os notebooks com as versões que o Colab tem hoje, no Python que PYTHON disser. Precisa de rede; sem cache nenhum.
#   NOTEBOOKS   a pasta deles         WHEEL   here (o wheel da pasta) ou published (o do endereço que está neles)
NOTEBOOKS ?= _build/notebooks
WHEEL ?= here
weekly:
	@OMP_NUM_THREADS=1 $(PYTHON) -m tests.notebooks.published $(NOTEBOOKS) --wheel $(WHEEL) $(ARGS)

# Um lançamento, passo a passo, está na página de manutenção do livro. TAG=vX.Y.Z, quando a etiqueta já existe.
release-check: book
	@$(BIN)/python -m release.check --tag "$(TAG)"

release-assets: book
	@$(BIN)/python -m release.assets

release-publish:
	@$(PYTHON) -m release.github "$(TAG)"

push-notebooks:
	@$(PYTHON) -m release.notebooks

# Resolve de novo todas as dependências num ambiente vazio, a partir de pyproject.toml.
lock:
	@rm -rf _build/lock && $(PYTHON) -m venv _build/lock
	@_build/lock/bin/python -m pip install -q $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) \
	  "$$(grep '^torch==' requirements.lock)"
	@_build/lock/bin/python -m pip install -q '.[book,grading,test]' && rm -rf build
	@_build/lock/bin/python -m pip freeze --all --exclude ganlib --exclude pip \
	  | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' | grep -v -E '^(nvidia|triton|cuda)' > requirements.lock.novo
	@mv requirements.lock.novo requirements.lock && rm -rf _build/lock
	@echo "requirements.lock renovado"

clean:
	@rm -rf _build
