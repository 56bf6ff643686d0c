"""O que torna um passo rápido, cada coisa atrás de um interruptor, com o caminho simples ao lado.

``Speed()`` liga o que dá o mesmo resultado bit a bit; o resto muda arredondamentos, e por isso se pede. As medidas
estão em ``make bench``.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganlib.layers import Dropout

# O que faz o resultado de uma amostra depender das outras do lote, ou da ordem delas.
MIXES_SAMPLES = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd, Dropout)


@dataclass(frozen=True)
class Speed:
    """Os interruptores.

    Attributes:
        device_data: os dados moram no dispositivo e um lote é um índice neles; desligado, cada lote é copiado. Mesmo
            resultado, bit a bit.
        freeze: o passo de um jogador não calcula gradientes do outro. Mesmo resultado, bit a bit.
        fast_matmul: produtos de matrizes pelo caminho rápido: oneDNN na CPU, TF32 na GPU. Na CPU compensa em matrizes
            grandes (a partir de 256×128×128) e nas pilhas de ``models=K``; o quanto depende do processador.
        channels_last: convoluções com os canais na última posição da memória.
        bf16: redes em bfloat16 (autocast); perdas, penalidades e otimizador continuam em float32.
        one_pass: o discriminador vê dados e amostras num lote só, do dobro do tamanho, em vez de em dois. Só onde ele
            trata cada amostra sozinha: com normalização de lote ou dropout a conta seria outra.
        cuda_graphs: o passo inteiro é gravado uma vez e repetido pela GPU, sem Python no caminho.
    """

    device_data: bool = True
    freeze: bool = True
    fast_matmul: bool = False
    channels_last: bool = False
    bf16: bool = False
    one_pass: bool = False
    cuda_graphs: bool = False

    def check(self, device: str, world: int, G: nn.Module, D: nn.Module) -> None:
        """Recusa, pelo nome, as combinações que não fazem sentido.

        Raises:
            ValueError: diz o interruptor, por que não e o que fazer.
        """
        on_gpu = device.startswith("cuda")
        if self.cuda_graphs and not on_gpu:
            raise ValueError(f"cuda_graphs só existe em GPU, e o dispositivo é {device!r}: desligue-o")
        if self.cuda_graphs and not self.device_data:
            raise ValueError("cuda_graphs repete o passo sem a CPU, e device_data=False precisa dela: escolha um só")
        if self.cuda_graphs and not self.freeze:
            raise ValueError("cuda_graphs grava o passo rápido, e freeze=False é o caminho simples: escolha um só")
        if self.cuda_graphs and world > 1:
            raise ValueError("cuda_graphs grava o passo de um processo só: com torchrun, desligue-o")
        if self.bf16 and on_gpu and not torch.cuda.is_bf16_supported(including_emulation=False):
            raise ValueError(f"a GPU {torch.cuda.get_device_name()} não calcula em bfloat16: desligue bf16")
        if self.channels_last and not any(p.dim() == 4 for net in (G, D) for p in net.parameters()):
            raise ValueError("channels_last só faz sentido em redes convolucionais ('dcgan', 'resnet'): desligue-o")
        mixing = [type(m).__name__ for m in D.modules() if isinstance(m, MIXES_SAMPLES)]
        if self.one_pass and mixing:
            raise ValueError(f"one_pass junta dados e amostras num lote, e D tem {mixing[0]}: desligue um dos dois")

    def place(self, network: nn.Module, device: str) -> nn.Module:
        """A rede no dispositivo, com a disposição de memória pedida."""
        network = network.to(device)
        return network.to(memory_format=torch.channels_last) if self.channels_last else network

    def call(self, network: nn.Module, x: Tensor) -> Tensor:
        """``network(x)``; com ``bf16``, calculada em bfloat16 e devolvida em float32."""
        if not self.bf16:
            return network(x)
        with torch.autocast(x.device.type, torch.bfloat16):
            return network(x).float()

    def matmul(self, device: str) -> AbstractContextManager:
        """O contexto de um passo: liga o caminho rápido dos produtos e, no fim, o devolve como estava."""
        return _fast_matmul(device) if self.fast_matmul else nullcontext()


@contextmanager
def _fast_matmul(device: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    # Na CPU só "medium" chega ao oneDNN, e sem AMX a conta continua em float32; na GPU, "high" é TF32.
    torch.set_float32_matmul_precision("high" if device.startswith("cuda") else "medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class Replay:
    """Um passo gravado num grafo CUDA: chamá-lo repete, na GPU, exatamente o que ``step`` faria.

    A gravação não deixa rastro: o aquecimento que ela exige é desfeito, e a primeira repetição é o primeiro passo.

    Args:
        step: o passo, sem nenhuma espera pelo dispositivo; devolve um dicionário de tensores.
        rng: o gerador que o passo usa.
        tensors: tudo o que o passo muda (pesos, médias, buffers e estado dos otimizadores), na ordem, a cada chamada.
    """

    WARM_UP = 3

    def __init__(
        self, step: Callable[[], dict[str, Tensor]], rng: torch.Generator, tensors: Callable[[], list[Tensor]]
    ):
        stream_of_numbers = rng.get_state()
        kept = {t: t.detach().clone() for t in tensors()}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(self.WARM_UP):
                step()
        torch.cuda.current_stream().wait_stream(side)
        with torch.no_grad():
            for t in tensors():
                # O que não existia antes é o estado dos otimizadores, que começa em zero.
                t.copy_(kept[t]) if t in kept else t.zero_()
        rng.set_state(stream_of_numbers)
        self.graph = torch.cuda.CUDAGraph()
        self.graph.register_generator_state(rng)
        with torch.cuda.graph(self.graph):
            self.outputs = step()
        rng.set_state(stream_of_numbers)

    def __call__(self) -> dict[str, Any]:
        self.graph.replay()
        return self.outputs
