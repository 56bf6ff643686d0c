"""Normas de gradientes: por camada, por amostra nos parâmetros e por amostra na entrada.

As contas das normas são em float64: um gradiente de 1e-25 em float32 existe, e o seu quadrado, não. Nada aqui muda a
rede, os ``.grad`` dos parâmetros ou as estatísticas que ela guarda. A unidade é a da perda (nats) por unidade de
parâmetro, ou de logit por unidade de dado. Não há teto nem viés: são valores exatos do lote dado. O piso é 0, e uma
norma só diz muito ou pouco ao lado de outra (de outra camada, de outra perda, de outro passo).

O dropout em modo de treino sorteia também ao ser medido, e o gerador dele avança: para não mexer num treinamento, meça
com a rede em ``eval()``.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from ganlib.penalties import batch_dims

# Quantos números de gradiente por amostra ficam na memória de uma vez (256 MB em float32).
BLOCK = 2**26


def gradient_norms_per_layer(
    loss_or_grads: Tensor | Sequence[Tensor | None],
    named_params: Iterable[tuple[str, Tensor]],
    models: int | None = None,
) -> dict[str, Tensor]:
    """``‖∂L/∂θ_camada‖`` de cada camada, da entrada à saída: é onde se vê a evanescência por profundidade.

    Uma camada são os parâmetros do mesmo módulo (peso e viés juntos): ``layers.0.weight`` e ``layers.0.bias`` são a
    camada ``layers.0``.

    Args:
        loss_or_grads: a perda escalar (o grafo é mantido, e ainda se pode chamar ``backward``) ou os gradientes já
            calculados, um por parâmetro; ``None`` conta como 0. Com K modelos, a perda é a soma das deles.
        named_params: ``rede.named_parameters()``.
        models: ``None``, ou o K do primeiro eixo de cada parâmetro.

    Returns:
        Nome da camada → norma, 0-dim ou ``(K,)``, em float64.

    Raises:
        ValueError: a perda não é escalar, os gradientes não combinam com os parâmetros, ou um parâmetro não tem o
            eixo K.
    """
    names, params = zip(*named_params, strict=True)
    if isinstance(loss_or_grads, Tensor):
        if loss_or_grads.dim():
            raise ValueError(f"a perda deve ser um escalar; recebi {tuple(loss_or_grads.shape)}: faça a média no lote")
        grads = torch.autograd.grad(loss_or_grads, params, retain_graph=True, allow_unused=True)
    else:
        grads = tuple(loss_or_grads)
    shapes = [tuple(p.shape) for p in params]
    received = [shape if g is None else tuple(g.shape) for g, shape in zip(grads, shapes, strict=False)]
    if len(grads) != len(params) or received != shapes:
        raise ValueError(f"os gradientes devem ter as formas dos parâmetros, {shapes}; recebi {received}")
    lead = () if models is None else (models,)
    squares: dict[str, Tensor] = {}
    for name, p, g in zip(names, params, grads, strict=True):
        if p.shape[: len(lead)] != lead:
            raise ValueError(f"com models={models}, todo parâmetro começa pelo eixo K; {name} é {tuple(p.shape)}")
        # O parâmetro de uma camada com normalização espectral chama-se camada.parametrizations.weight.original.
        layer = name.split(".parametrizations.")[0] if ".parametrizations." in name else name.rpartition(".")[0] or name
        square = _square(torch.zeros_like(p) if g is None else g, len(lead))
        squares[layer] = squares.get(layer, 0) + square
    return {layer: square.sqrt() for layer, square in squares.items()}


def per_sample_gradient_norms(net: nn.Module, loss: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``‖∇_θ ℓ(net(x_i))‖`` de cada amostra, com θ os parâmetros de ``net`` (``torch.func``: vmap de grad).

    Para o gerador, ``per_sample_gradient_norms(G, lambda fake: loss.generator(D(fake)), z)``; para o discriminador
    nos dados, ``per_sample_gradient_norms(D, lambda h: losses.softplus(-h), real)``. A média dos gradientes é o
    gradiente do lote; a média das normas, não: é maior ou igual à norma da média.

    Args:
        net: o eixo do lote é o primeiro (o segundo, se ``net.models`` diz que há K redes).
        loss: da saída de ``net`` para a perda por amostra. Só as estatísticas de ``net`` são protegidas: ponha em
            ``eval()`` as outras redes que ela usar.
        x: ``(B, …)`` ou ``(K, B, …)``.

    Returns:
        ``(B,)`` ou ``(K, B)``, em float64.

    Raises:
        ValueError: a rede tem normalização de lote em treinamento.
    """
    _refuse_batch_norm(net)
    params = {name: p.detach() for name, p in net.named_parameters()}
    buffers = _copies(net)
    axis = batch_dims(net) - 1

    def norm(sample: Tensor) -> Tensor:
        def total(theta: dict[str, Tensor]) -> Tensor:
            return loss(functional_call(net, (theta, buffers), (sample.unsqueeze(axis),))).sum()

        return sum(_square(g, axis) for g in grad(total)(params).values()).sqrt()

    size = sum(p.numel() for p in params.values())
    chunk = max(1, BLOCK // size)
    # A aleatoriedade (dropout) é outra a cada amostra, como num lote.
    return vmap(norm, in_dims=axis, out_dims=axis, randomness="different", chunk_size=chunk)(x.detach())


def input_gradient_norms(D: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``‖∇_x D(x_i)‖`` de cada amostra, em float64 e sem grafo (para treinar com ela, ``penalties.gradient_norm``).

    O teto só existe para um crítico ótimo de Wasserstein: 1 (Gulrajani et al., 2017, prop. 1).

    Args:
        D: devolve um logit por amostra: ``(B,)``, ``(B, 1)``, ou ``(K, B)`` com K redes.
        x: ``(B, …)`` ou ``(K, B, d)``.

    Returns:
        ``(B,)`` ou ``(K, B)``.

    Raises:
        ValueError: D não devolve um logit por amostra, ou tem normalização de lote em treinamento.
    """
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        if isinstance(D, nn.Module):
            _refuse_batch_norm(D)
            h = functional_call(D, _copies(D), (x,))
        else:
            h = D(x)
        lead = 2 if x.dim() == 3 and h.shape[:2] == x.shape[:2] else 1
        if h.shape not in (x.shape[:lead], (*x.shape[:lead], 1)):
            raise ValueError(
                f"D deve devolver um logit por amostra; de uma entrada {tuple(x.shape)} devolveu {tuple(h.shape)}"
            )
        (g,) = torch.autograd.grad(h.sum(), x)
    return _square(g, lead).sqrt()


def _square(g: Tensor, lead: int) -> Tensor:
    """A soma dos quadrados, em float64, sobre todos os eixos menos os ``lead`` primeiros."""
    g = g.double().square()
    return g.flatten(lead).sum(-1) if g.dim() > lead else g


def _copies(net: nn.Module) -> dict[str, Tensor]:
    """Cópias dos buffers: o que a rede atualizar ao ser medida (normalização espectral) fica nelas."""
    return {name: b.clone() for name, b in net.named_buffers()}


def _refuse_batch_norm(net: nn.Module) -> None:
    for name, m in net.named_modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm) and (m.training or m.running_mean is None):
            raise ValueError(
                f"com a normalização de lote em treinamento ({name}) a saída de uma amostra depende das outras, e não "
                "há gradiente por amostra; use net.eval() ou outra normalização"
            )
