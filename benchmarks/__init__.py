"""Quanto a ganlib é mais rápida que os laços ingênuos, e quão perto está do piso: ``make bench``.

- ``works``: o que se treina; ``naive``, ``ours``, ``floors``: os três lados de cada medida.
- ``rows``: as linhas da tabela, com os seus alvos; ``measure``: como uma linha é medida; ``report``: o que se mostra.
"""
