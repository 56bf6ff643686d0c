"""``python -m grading``: fazer uma lista, corrigir uma turma, juntar as notas à mão, publicar."""

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType

from grading import assignment, box
from grading.errors import GradingError
from grading.store import Store

ROOT = Path(__file__).resolve().parents[1]


def _module(path: str) -> ModuleType:
    """Um módulo do repositório, sozinho: importar o pacote dele traria o torch ou o Sphinx."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


portuguese = _module("ganlib/arguments.py")


def parser() -> argparse.ArgumentParser:
    """A linha de comando."""
    main = portuguese.Parser(prog="python -m grading", description=__doc__)
    verbs = main.add_subparsers(dest="verb", required=True, metavar="COMANDO")

    one = verbs.add_parser("make", help="faz o notebook do aluno e o gabarito, e confere os dois")
    one.add_argument("list", type=Path, metavar="LISTA", help="a pasta da lista (em exercises/, ou uma sua)")
    one.add_argument("--out", type=Path, metavar="PASTA", help="onde escrever (por padrão, _build/listas/LISTA)")
    _sandbox(one)

    two = verbs.add_parser("grade", help="corrige as entregas de uma turma; interrompida, continua de onde parou")
    two.add_argument("list", type=Path, metavar="LISTA", help="a pasta da lista")
    two.add_argument("submissions", type=Path, metavar="ENTREGAS", help="uma pasta de .ipynb ou o zip do Moodle")
    two.add_argument("--seed-file", type=Path, required=True, metavar="ARQUIVO", help="a semente da turma")
    two.add_argument("--out", type=Path, required=True, metavar="PASTA", help="onde ficam os resultados")
    two.add_argument("--roster", type=Path, metavar="CSV", help="a lista de alunos, ou a planilha de notas do Moodle")
    where = two.add_mutually_exclusive_group()
    cores = os.cpu_count() or 1
    where.add_argument("--jobs", type=portuguese.positive, default=cores, metavar="N", help="quantas de cada vez")
    where.add_argument("--dask", metavar="ENDEREÇO", help="um escalonador do Dask, como tcp://10.0.0.1:8786")
    two.add_argument("--rerun", action="store_true", help="refaz as que falharam por tempo, memória ou caixa")
    _sandbox(two)

    three = verbs.add_parser("merge", help="prepara a planilha das notas à mão, ou junta uma já preenchida")
    three.add_argument("out", type=Path, metavar="PASTA", help="a pasta de grade")
    three.add_argument("sheets", type=Path, nargs="*", metavar="PLANILHA", help="as preenchidas (nenhuma: prepara)")
    three.add_argument("--force", action="store_true", help="em conflito, vale a planilha que está sendo juntada")

    four = verbs.add_parser("publish", help="escreve as notas, as devolutivas e o retrato da turma")
    four.add_argument("out", type=Path, metavar="PASTA", help="a pasta de grade")
    four.add_argument("--deadline", type=_moment, metavar="DATA", help="o prazo, como 2026-05-10T23:59-03:00")
    late = "desconto por dia de atraso, em %% (por padrão, só avisa)"
    four.add_argument("--late-percent", type=portuguese.number, default=0.0, metavar="P", help=late)
    four.add_argument("--worksheet", type=Path, metavar="CSV", help="a planilha de notas do Moodle, para preencher")
    return main


def _sandbox(verb: argparse.ArgumentParser) -> None:
    text = "roda SEM caixa: só para notebooks em que você confia, nunca os de uma turma"
    verb.add_argument("--no-sandbox", dest="sandbox", action="store_false", help=text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"não entendi a data {text!r}; escreva como 2026-05-10T23:59-03:00") from None
    return moment if moment.tzinfo else moment.astimezone()


def make(options: argparse.Namespace) -> None:
    """Faz os dois notebooks e só os escreve depois de conferi-los."""
    from grading import make as making

    folder = assignment.load(options.list)
    made = making.notebooks(folder, _install_cell())
    key, _ = making.verify(folder, made, options.sandbox)
    paths = making.write(made, folder, options.out or ROOT / "_build" / "listas" / folder.name)
    took = f"{key.seconds:.1f} s".replace(".", ",")
    print(f"O gabarito tira a nota máxima ({making.points(key.points)}, em {took}); o notebook em branco tira zero.")
    for what, path in zip(("aluno", "gabarito"), paths, strict=True):
        print(f"  {what}: {path}")


def _install_cell() -> str:
    """A célula que instala a ganlib; o endereço do repositório é dito num lugar só, que é do livro."""
    return _module("book/_ext/site_identity.py").install_cell()


def grade(options: argparse.Namespace) -> None:
    """Corrige uma turma."""
    from tqdm import tqdm

    from grading import grade as grading
    from grading import submissions

    folder = assignment.load(options.list)
    seed = assignment.read_seed(options.seed_file)
    roster = submissions.read_roster(options.roster) if options.roster else None
    handed = submissions.collect(options.submissions, roster)
    store = Store(options.out)
    bars: dict[str, tqdm] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in bars and total:
            bars[what] = tqdm(total=total, desc=what, unit="", leave=False)
        if total:
            bars[what].update(done - bars[what].n)

    try:
        how = {"jobs": options.jobs, "dask": options.dask, "sandbox": options.sandbox, "rerun": options.rerun}
        found = grading.grade(folder, handed, seed, store, **how, progress=progress)
    finally:
        for bar in bars.values():
            bar.close()
    for warning in dict.fromkeys(s.warning for s in handed if s.warning):
        print(f"Aviso: {warning}")
    print(grading.summary(found))
    print(f"Resultados em {store.path}. A seguir: python -m grading merge {store.path}, e depois publish.")


def merge(options: argparse.Namespace) -> None:
    """Prepara a planilha das notas à mão, ou junta as que voltaram."""
    from grading import marks

    store = Store(options.out)
    folder = assignment.load(store.index().folder)
    for sheet in options.sheets:
        print(marks.merge(store, folder, sheet, force=options.force))
    print(marks.write_sheet(store, folder))
    print(f"Preencha as notas em {store.manual}, com as respostas ao lado em {store.path / 'respostas.html'}.")


def publish(options: argparse.Namespace) -> None:
    """Escreve o que vai para os alunos e para o LMS."""
    from grading import marks
    from grading import publish as publishing

    store = Store(options.out)
    folder = assignment.load(store.index().folder)
    policy = marks.Policy(options.deadline, options.late_percent)
    print(publishing.publish(store, folder, policy, options.worksheet))


def main(arguments: Sequence[str] | None = None) -> int:
    """Roda um comando; um erro que o instrutor pode consertar é uma frase, e o código de saída é 1."""
    with portuguese.in_portuguese():
        options = parser().parse_args(arguments)
    if not getattr(options, "sandbox", True):
        warning = "ATENÇÃO: sem a caixa, o código de cada notebook roda como você, com acesso aos seus arquivos."
        print(warning, file=sys.stderr)
    elif options.verb in ("make", "grade") and not getattr(options, "dask", None):
        box.check()
    {"make": make, "grade": grade, "merge": merge, "publish": publish}[options.verb](options)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GradingError as error:
        sys.exit(f"Erro: {error}")
    except KeyboardInterrupt:
        sys.exit("Interrompido. O que já estava pronto está guardado: repita o mesmo comando para continuar.")
