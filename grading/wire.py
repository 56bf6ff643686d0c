"""Como uma resposta atravessa a parede da caixa: JSON, com matrizes em base64, tipos e tamanhos de uma lista fechada.

Nunca pickle nem npz: quem lê não executa nada do que foi escrito. Este arquivo entra na caixa ao lado de ``inside``;
importa só a biblioteca padrão e o numpy.
"""

import base64
import binascii
import math
from typing import Any

import numpy as np

DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64", "complex64", "complex128")
MAX_BYTES = 4 << 20  # de uma matriz
MAX_TEXT = 10_000
MAX_DEPTH = 8
MAX_ITEMS = 10_000  # de uma lista ou de um dicionário
# O que a caixa diz quando abre, na saída de erros e não no cano: quem está nela pode reabrir o cano e lê-lo primeiro.
OPENED = b"caixa aberta\n"


class WireError(ValueError):
    """O valor não pode atravessar, ou o que chegou não é um valor."""


def encode(value: Any, depth: int = 0) -> Any:
    """O valor em JSON. Um tensor (o que tem ``detach``) vai como a matriz dele.

    Raises:
        WireError: o tipo não atravessa, ou é grande ou fundo demais.
    """
    if depth > MAX_DEPTH:
        raise WireError("resposta com listas dentro de listas demais")
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.generic):
        value = value.item() if not isinstance(value, np.complexfloating) else np.asarray(value)
    if isinstance(value, complex):
        value = np.asarray(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        if abs(value) >= 1 << 63:
            raise WireError("inteiro grande demais")
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise WireError("texto grande demais")
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.name not in DTYPES or value.nbytes > MAX_BYTES:
            raise WireError(f"matriz de {value.dtype.name} com {value.nbytes} bytes")
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {"array": value.dtype.name, "shape": list(value.shape), "data": data}
    if isinstance(value, list | tuple | dict) and len(value) > MAX_ITEMS:
        raise WireError("itens demais")
    if isinstance(value, list | tuple):
        return [encode(item, depth + 1) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) and len(key) <= MAX_TEXT for key in value):
            raise WireError("as chaves de um dicionário têm de ser textos")
        return {"dict": {key: encode(item, depth + 1) for key, item in value.items()}}
    raise WireError(f"não sei entregar um {type(value).__name__}")


def decode(value: Any, depth: int = 0) -> Any:
    """O inverso de :func:`encode`, para quem não confia no que chegou.

    Raises:
        WireError: não é um valor, ou passa de algum limite.
    """
    if depth > MAX_DEPTH:
        raise WireError("fundo demais")
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        if abs(value) >= 1 << 63:
            raise WireError("inteiro grande demais")
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise WireError("texto grande demais")
        return value
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            raise WireError("itens demais")
        return [decode(item, depth + 1) for item in value]
    if isinstance(value, dict) and value.keys() == {"dict"} and isinstance(value["dict"], dict):
        if len(value["dict"]) > MAX_ITEMS:
            raise WireError("itens demais")
        return {key: decode(item, depth + 1) for key, item in value["dict"].items()}
    if isinstance(value, dict) and value.keys() == {"array", "shape", "data"}:
        return _array(value["array"], value["shape"], value["data"])
    raise WireError("não é um valor")


def _array(name: Any, shape: Any, data: Any) -> np.ndarray:
    if not isinstance(name, str) or name not in DTYPES or not isinstance(data, str):
        raise WireError("matriz de tipo desconhecido")
    whole = isinstance(shape, list) and len(shape) <= 16
    if not whole or not all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape):
        raise WireError("forma inválida")
    dtype = np.dtype(name)
    size = math.prod(shape) * dtype.itemsize  # inteiros do Python: não transborda
    if size > MAX_BYTES:
        raise WireError("matriz grande demais")
    try:
        raw = base64.b64decode(data.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise WireError("base64 inválido") from error
    if len(raw) != size:
        raise WireError("a matriz não tem o tamanho que diz")
    try:
        return np.frombuffer(raw, dtype).reshape(shape).copy()  # quem recebe pode escrever nela
    except ValueError as error:  # um zero na forma esconde das contas acima o que o numpy não aceita nos outros eixos
        raise WireError("forma inválida") from error
