"""A linha de comando: ``python -m ganlib train …`` e ``python -m ganlib info``.

Sai com 0 quando tudo deu certo, 2 se o pedido não faz sentido, 1 se algo falhou no caminho e 130 com Ctrl-C. Um erro
esperado é uma frase em stderr, que diz também o que ficou salvo.
"""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from ganlib import distributed, info, options, progress, running, sheet
from ganlib.arguments import Parser, in_portuguese, positive
from ganlib.errors import CheckpointError, DataUnavailable, TrainingDiverged
from ganlib.folder import CONFIG, METRICS, POINTS, SAMPLES, Folder
from ganlib.notebook import decimal_comma
from ganlib.training import Training
from ganlib.version import __version__

PROGRAM = "python -m ganlib"
TRAIN = f"""Treina um par de redes e grava, na pasta de --out, {CONFIG}, {METRICS}, {POINTS}/ (pontos de retomada) e,
no fim, {SAMPLES}. Com vários processos: torchrun --nproc-per-node 2 -m ganlib train …"""
INFO = "Diz o que há nesta máquina e quanto cada opção de velocidade rende nela, no treinamento pedido."
WHY = {
    errno.ENOSPC: "o disco encheu",
    errno.EDQUOT: "a cota de disco acabou",
    errno.EFBIG: "o arquivo passa do tamanho permitido",
    errno.EROFS: "o disco é só de leitura",
    errno.EACCES: "não há permissão",
    errno.EPERM: "não há permissão",
    errno.EEXIST: "há um arquivo onde devia haver uma pasta",
    errno.ENOENT: "a pasta não existe nem pode ser criada",
    errno.ENOTDIR: "há um arquivo onde devia haver uma pasta",
    errno.EISDIR: "há uma pasta onde devia haver um arquivo",
}


class BadRequest(ValueError):
    """O que se pediu não faz sentido."""


def main(argv: Sequence[str] | None = None) -> int:
    """Faz o que a linha de comando pede e devolve o código de saída.

    Raises:
        SystemExit: os argumentos não se leem (código 2), ou pediu-se a ajuda ou a versão (código 0).
    """
    with in_portuguese():
        chosen = _parser().parse_args(argv)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    try:
        return chosen.command(chosen)
    except BadRequest as error:
        return _fail(f"{error}; veja a ajuda com --help", 2)
    except (DataUnavailable, TrainingDiverged, CheckpointError) as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        _say("Interrompido antes do primeiro passo")
        return 130
    except (MemoryError, RuntimeError) as error:
        if _out_of_memory(error):
            return _fail("a memória acabou: diminua --batch ou a rede, ou use --no-device-data", 1)
        if _lost_a_process(error):
            return _fail("outro processo do torchrun parou, e este para com ele", 1)
        raise


def train(chosen: argparse.Namespace) -> int:
    """``python -m ganlib train``."""
    device = distributed.start(_device(chosen))
    first = distributed.current().rank == 0
    say = _say if first else lambda text: None
    folder = Folder(chosen.out, chosen.keep)
    try:
        if first and not chosen.resume and (used := folder.used()):
            raise BadRequest(
                f"a pasta {folder.path} já tem um treinamento ({', '.join(used)}): continue-o com --resume ou indique "
                "outra em --out"
            )
        run = _new(chosen, device)
        try:
            _train(run, folder, chosen, say)
        except KeyboardInterrupt:
            say(f"Interrompido no passo {run.step}; {_kept(run)}")
            return 130
        except OSError as error:
            where, why = error.filename or folder.path, WHY.get(error.errno, error.strerror or str(error))
            return _fail(f"não consigo gravar em {where}: {why}; {_kept(run)}", 1)
    finally:
        distributed.stop()
    return 0


def _train(run: Training, folder: Folder, chosen: argparse.Namespace, say: Callable[[str], None]) -> None:
    rows = folder.open(run, chosen.steps)
    for file in folder.damaged:
        say(f"Um ponto de retomada danificado foi posto de lado: {file}")
    parameters = sum(p.numel() for p in (*run.g_params, *run.d_params))
    say(
        f"{info.device_name(run.device)} · dados {run.data.name} · perda {run.loss.name} · "
        f"{decimal_comma(parameters, '{:,}')} parâmetros · até o passo {chosen.steps} em {folder.path}"
    )
    say(f"Continuo do passo {run.step}, de {run.last_checkpoint}" if run.last_checkpoint else "Começo do zero")
    show = progress.on_terminal(run, chosen.steps) if run.ranks.rank == 0 else nullcontext(lambda *_: None)
    with show as watch:
        running.follow(run, chosen.steps, rows, folder=folder, save_every=chosen.save_every, watch=watch)
    if run.ranks.rank == 0:
        sheet.save(run, folder.samples, chosen.samples)
    say(f"Pronto, no passo {run.step}: {folder.samples}, {folder.path / METRICS} e {run.last_checkpoint}")


def show_info(chosen: argparse.Namespace) -> int:
    """``python -m ganlib info``."""
    print(info.report(_new(chosen, _device(chosen))))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=PROGRAM, description="ganlib: treinamento de GANs pequeno e rápido.")
    parser.add_argument("--version", action="version", version=f"ganlib {__version__}", help="mostra a versão e sai")
    commands = parser.add_subparsers(title="comandos", required=True, metavar="COMANDO")

    train_ = commands.add_parser("train", help="treina", description=TRAIN, usage=f"{PROGRAM} train [opções]")
    train_.set_defaults(command=train)
    output = train_.add_argument_group("o que fazer e o que gravar")
    output.add_argument("--steps", type=positive, default=5000, metavar="N",
                        help="até que passo do gerador, contado do zero (padrão: 5000)")
    output.add_argument("--out", type=Path, default=Path("treinamento"), metavar="PASTA",
                        help="onde gravar (padrão: treinamento)")
    output.add_argument("--resume", action="store_true",
                        help="continua do ponto mais novo da pasta que esteja inteiro; sem nenhum, começa do zero")
    output.add_argument("--save-every", type=positive, default=1000, metavar="N",
                        help="de quantos em quantos passos gravar um ponto de retomada (padrão: 1000)")
    output.add_argument("--keep", type=positive, default=2, metavar="N", help="quantos pontos guardar (padrão: 2)")
    output.add_argument("--samples", type=positive, metavar="N",
                        help=f"quantas amostras em {SAMPLES} (sem ela: 64 imagens ou 2000 pontos)")
    options.add(train_)

    info_ = commands.add_parser("info", help="diz o que há nesta máquina e o que rende nela", description=INFO,
                                usage=f"{PROGRAM} info [opções]")
    info_.set_defaults(command=show_info)
    options.add(info_)
    return parser


def _device(chosen: argparse.Namespace) -> str:
    try:
        return options.device(chosen.device, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _new(chosen: argparse.Namespace, device: str) -> Training:
    try:
        return Training(options.config(chosen, device))
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _kept(run: Training) -> str:
    if run.last_checkpoint is None:
        return "nada foi salvo ainda"
    return f"o último ponto salvo é {run.last_checkpoint}: para continuar dele, o mesmo comando com --resume"


def _out_of_memory(error: BaseException) -> bool:
    # Na CPU, o PyTorch só o diz na mensagem.
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _lost_a_process(error: BaseException) -> bool:
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _fail(message: str, code: int) -> int:
    rank = os.environ.get("RANK", "0")
    _say(f"{PROGRAM}: {'erro' if rank == '0' else f'erro no processo {rank}'}: {message}")
    return code
