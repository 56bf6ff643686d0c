"""Vários processos (``torchrun``) treinando como se fossem um: a média dos gradientes entre o backward e o passo."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous


@dataclass(frozen=True)
class Ranks:
    """Quem é este processo (``rank``) entre quantos (``world``). Com um só, nada aqui faz nada."""

    rank: int = 0
    world: int = 1

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Troca cada tensor, no lugar, pela sua média entre os processos: uma só redução, de um vetor só."""
        if self.world == 1:
            return
        flat = torch.cat([t.reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        flat /= self.world
        for t, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            t.copy_(mean.view_as(t))

    def copy_from_first(self, *networks: nn.Module) -> None:
        """Põe em todos os processos os pesos do primeiro."""
        if self.world > 1:
            for network in networks:
                for t in (*network.parameters(), *network.buffers()):
                    dist.broadcast(t.detach(), 0)

    def wait(self) -> None:
        """Espera que todos cheguem aqui."""
        if self.world > 1:
            dist.barrier()

    def prepare(self, network: nn.Module, device: str) -> nn.Module:
        """A rede pronta para vários processos: a normalização de lote passa a usar o lote inteiro.

        Raises:
            ValueError: normalização de lote com vários processos onde não há ``SyncBatchNorm`` (só há em GPU).
        """
        has_batch_norm = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())
        if self.world == 1 or not has_batch_norm:
            return network
        if not device.startswith("cuda"):
            raise ValueError(
                "a normalização de lote entre vários processos precisa de GPUs (SyncBatchNorm); em CPU use um processo "
                "só ou uma rede sem ela (norm=None ou norm='layer')"
            )
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)


def current() -> Ranks:
    """Os processos já reunidos, ou um só."""
    if dist.is_available() and dist.is_initialized():
        return Ranks(dist.get_rank(), dist.get_world_size())
    return Ranks()


def start(device: str) -> str:
    """Reúne os processos lançados por ``torchrun`` e devolve o dispositivo deste; sem ``torchrun``, não faz nada.

    NCCL quando ``device`` é ``"cuda"`` (cada processo na GPU ``LOCAL_RANK``), gloo na CPU.
    """
    if "WORLD_SIZE" not in os.environ or dist.is_initialized():
        return device
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    store, rank, world = next(rendezvous("env://"))
    # Depois de um reinício (--max-restarts) o torchrun dá o mesmo quadro de recados, com os endereços dos processos
    # mortos: cada tentativa escreve e lê no seu canto dele.
    store = dist.PrefixStore(f"tentativa {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo", store=store, rank=rank, world_size=world)
    return device


def stop() -> None:
    """Desfaz o que ``start`` fez."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
