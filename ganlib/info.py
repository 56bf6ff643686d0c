"""O que há nesta máquina, e quanto cada interruptor de velocidade rende nela, medido num treinamento de verdade."""

import platform
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ganlib import memory
from ganlib.layers import Pair
from ganlib.notebook import decimal_comma
from ganlib.speed import Speed
from ganlib.training import Training, collect
from ganlib.version import __version__

ROUNDS = 9
SECONDS = 0.05


def report(run: Training) -> str:
    """O relatório inteiro, uma linha por fato."""
    lines = [
        f"Versões: Python {platform.python_version()}, ganlib {__version__}, PyTorch {torch.__version__}, "
        f"NumPy {np.__version__}, CUDA {torch.version.cuda or 'ausente'}",
        f"Processador: {cpu_name()}, {torch.backends.cpu.get_cpu_capability()}, {_threads()}",
        f"Bibliotecas: MKL {_yes(torch.backends.mkl.is_available())}, "
        f"oneDNN {_yes(torch.backends.mkldnn.is_available())}, bfloat16 em hardware na CPU {cpu_bf16()}",
        *(_gpu(k) for k in range(torch.cuda.device_count())),
    ]
    if not torch.cuda.is_available():
        lines.append("GPU: nenhuma que o PyTorch encontre")
    lines += ["", *_training(run), "", f"Interruptores em {device_name(run.device)}, um de cada vez:"]
    names = vars(Speed())
    return "\n".join([*lines, *(f"  {name:<14}{gain(run, name)}" for name in names)])


def _training(run: Training) -> list[str]:
    sizes = [decimal_comma(memory.count(network).parameters, "{:,}") for network in (run.G, run.D)]
    config = run.config
    needed = memory.estimate(
        Pair(run.G, run.D, run.latent),
        run.batch,
        loss=run.loss,
        penalty=config.penalty,
        optimizer=config.optimizer,
        ema=config.ema is not None,
    )
    return [
        f"Treinamento: dados {run.data.name}, perda {run.loss.name}, lote {run.batch}, "
        f"G com {sizes[0]} parâmetros e D com {sizes[1]}",
        str(needed),
    ]


def gain(run: Training, switch: str) -> str:
    """Quanto rende ligar ``switch``: o tempo de um passo sem ele dividido pelo com ele, ou por que é recusado."""
    base = run.config.speed
    try:
        on, off = (Training(replace(run.config, speed=replace(base, **{switch: value}))) for value in (True, False))
    except ValueError as error:
        return f"recusado: {error}"
    ratio = _ratio(on, off)
    verdict = "compensa" if ratio > 1.1 else "atrapalha" if ratio < 1 / 1.1 else "não faz diferença"
    default = " (ligado por padrão)" if getattr(Speed(), switch) else ""
    return f"{decimal_comma(ratio, '{:.2f}')}×  {verdict}{default}"


def _ratio(on: Training, off: Training) -> float:
    """A mediana das razões de medidas alternadas: o que a máquina faz ao lado pesa igual nas duas."""
    n = 1
    while _time(off, n) < SECONDS:
        n *= 2
    _time(on, n)
    return statistics.median(_time(off, n) / _time(on, n) for _ in range(ROUNDS))


def _time(run: Training, n: int) -> float:
    start = time.perf_counter()
    collect(run.steps(n))  # ler as métricas espera pela GPU
    return time.perf_counter() - start


def device_name(device: str) -> str:
    """Como se diz onde se roda: a GPU pelo nome, a CPU com as suas threads."""
    if device.startswith("cuda"):
        return f"{device} ({torch.cuda.get_device_name(device)})"
    why = "" if torch.cuda.is_available() else "; não há GPU"
    return f"CPU ({_threads()}{why})"


def _threads() -> str:
    n = torch.get_num_threads()
    return f"{n} thread" if n == 1 else f"{n} threads"


def cpu_name() -> str:
    """O modelo do processador, onde o sistema o diz."""
    for line in _cpuinfo():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cpu_bf16() -> str:
    """Se a CPU calcula em bfloat16 ou o PyTorch o imita."""
    flags = {flag for line in _cpuinfo() if line.startswith(("flags", "Features")) for flag in line.split()}
    if not flags:
        return "desconhecido"
    return _yes(bool(flags & {"avx512_bf16", "amx_bf16", "bf16"}))


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def _gpu(k: int) -> str:
    about = torch.cuda.get_device_properties(k)
    bf16 = _yes(torch.cuda.is_bf16_supported(including_emulation=False))
    memory = decimal_comma(about.total_memory / 2**30, "{:.1f}")
    return f"GPU {k}: {about.name}, {memory} GiB, capacidade {about.major}.{about.minor}, bfloat16 em hardware {bf16}"


def _yes(value: bool) -> str:
    return "sim" if value else "não"
