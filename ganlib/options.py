"""As opções da linha de comando que viram um ``Config``: uma por campo, com o padrão que o próprio ``Config`` dá."""

import argparse
from typing import Any

import torch

from ganlib import data, losses, networks, optimization, penalties
from ganlib.arguments import integer, number, positive
from ganlib.config import Config
from ganlib.speed import Speed

DEFAULTS = vars(Config())
SPEED = vars(Speed())
SWITCHES = {
    "fast_matmul": "produtos de matrizes pelo caminho rápido (oneDNN na CPU, TF32 na GPU)",
    "channels_last": "convoluções com os canais na última posição da memória",
    "bf16": "redes em bfloat16; perdas, penalidades e otimizador continuam em float32",
    "one_pass": "dados e amostras num lote só no discriminador",
    "cuda_graphs": "o passo inteiro gravado uma vez e repetido pela GPU",
    "device_data": "não põe os dados no dispositivo: cada lote é copiado",
    "freeze": "calcula também os gradientes do jogador parado",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Acrescenta a ``parser`` as opções que definem um treinamento e onde ele roda."""
    what = parser.add_argument_group("dados, redes e perda")
    _field(what, "data", "conjunto de dados", choices=sorted(data.DATA))
    _field(what, "loss", "perda", choices=sorted(losses.LOSSES))
    _field(what, "network", "par de redes", choices=sorted(networks.NETWORKS))
    _field(what, "latent", "dimensão do ruído da rede mlp", type=integer, metavar="N")
    _field(what, "hidden", "larguras escondidas da rede mlp", type=positive, nargs="+", metavar="N")
    _field(what, "models", "quantos pares treinar juntos, na rede mlp (sem ela: um só)", type=integer, metavar="K")
    _field(what, "real_label", "rótulo dos dados no discriminador, até 1", type=number, metavar="α")
    _field(what, "fake_label", "rótulo das amostras geradas, a partir de 0", type=number, metavar="β")

    how = parser.add_argument_group("penalidades e ruído")
    _field(how, "penalty", "penalidade do discriminador (sem ela: nenhuma)", choices=sorted(penalties.PENALTIES))
    _field(how, "penalty_weight", "peso da penalidade", type=number, metavar="λ")
    _field(how, "clip", "recorta os pesos do discriminador a [-C, C] (sem ela: não recorta)", type=number, metavar="C")
    _field(how, "instance_noise", "desvio do ruído somado ao que o discriminador vê", type=number, metavar="σ")
    _field(how, "instance_noise_steps", "em quantos passos esse ruído cai a zero (sem ela: não cai)",
           type=integer, metavar="N")

    step = parser.add_argument_group("otimização")
    _field(step, "batch", "amostras por passo, somados todos os processos", type=integer, metavar="B")
    _field(step, "lr", "taxa de aprendizado", type=number, metavar="η")
    _field(step, "d_lr", "taxa de aprendizado do discriminador (sem ela: a de --lr)", type=number, metavar="η")
    _field(step, "betas", "médias móveis do Adam", type=number, nargs=2, metavar=("β1", "β2"))
    _field(step, "optimizer", "otimizador", choices=sorted(optimization.OPTIMIZERS))
    _field(step, "d_steps", "passos do discriminador por passo do gerador", type=integer, metavar="N")
    _field(step, "update", "como os dois jogadores andam", choices=sorted(optimization.UPDATES))
    _field(step, "consensus_weight", "peso γ da regra consensus", type=number, metavar="γ")
    _field(step, "ema", "decaimento da média móvel do gerador, como 0.999 (sem ela: não há)", type=number, metavar="ρ")
    _field(step, "seed", "semente de tudo o que é sorteado", type=integer, metavar="N")

    where = parser.add_argument_group("onde e com que velocidade")
    where.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="dispositivo (padrão: auto, a GPU se houver)"
    )
    where.add_argument("--threads", type=positive, metavar="N", help="threads da CPU (sem ela: as que o PyTorch der)")
    _field(where, "log_every", "de quantos em quantos passos as métricas são guardadas", type=integer, metavar="N")
    for name, text in SWITCHES.items():
        flag = f"--no-{_flag(name)}" if SPEED[name] else f"--{_flag(name)}"
        where.add_argument(flag, dest=name, action="store_const", const=not SPEED[name], default=SPEED[name], help=text)


def config(options: argparse.Namespace, device: str) -> Config:
    """O ``Config`` que as opções pedem, em ``device``.

    Raises:
        ValueError: algum valor não faz sentido; diz qual.
    """
    chosen = vars(options)
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items() if k in DEFAULTS}
    return Config(**fields | {"device": device, "speed": Speed(**{k: chosen[k] for k in SPEED})})


def device(choice: str, processes_here: int = 1) -> str:
    """``"auto"`` vira ``"cuda"`` se há uma GPU para cada processo desta máquina; o resto fica como veio.

    Raises:
        ValueError: pediu-se GPU e não há, ou não há uma para cada processo.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if choice == "auto":
        return "cuda" if gpus >= processes_here else "cpu"
    if choice == "cuda" and gpus == 0:
        raise ValueError("foi pedido --device cuda, mas o PyTorch não encontra uma GPU; use --device auto ou cpu")
    if choice == "cuda" and gpus < processes_here:
        raise ValueError(f"{processes_here} processos pedem {processes_here} GPUs, e aqui há {gpus}")
    return choice


def _field(group: Any, name: str, text: str, **how: Any) -> None:
    default = DEFAULTS[name]
    if default is not None:
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        text = f"{text} (padrão: {shown})"
    if "choices" in how:
        how["metavar"] = "NOME"
        text = f"{text}: {', '.join(how['choices'])}"
    group.add_argument(f"--{_flag(name)}", dest=name, default=default, help=text, **how)


def _flag(name: str) -> str:
    return name.replace("_", "-")
