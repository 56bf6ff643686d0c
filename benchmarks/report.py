"""O que se mostra e o que se guarda das medidas."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import NAIVE_TOLERANCE
from ganlib.files import replacing

COLUMNS = (
    *("trabalho", "variante", "onde", "base", "ganlib", "piso"),
    *("razão", "alvo", "teto", "do piso", "alvo", "base ok"),
)

LEGEND = """\
base, ganlib, piso: mediana, em ms por passo do gerador. A base é o laço ingênuo; na GPU, a ganlib sem grafos.
razão: base ÷ ganlib, mediana das rodadas [quartis]. teto: base ÷ piso; nenhum passo com estas contas passa disso aqui.
do piso: piso ÷ ganlib. base ok: razão ÷ a da máquina de referência (Zen 5); longe de 1 (15 %), a máquina é outra."""


def number(value: float | None, digits: int) -> str:
    """O número com vírgula, ou um traço."""
    return "–" if value is None else f"{value:.{digits}f}".replace(".", ",")


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def against(value: float, target: float | None, shown: str) -> str:
    """O alvo com ✓ ou ✗, ou um traço."""
    return "–" if target is None else f"{shown} {'✓' if value >= target else '✗'}"


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """As células de uma linha da tabela."""
    low, high = row["ratio_quartiles"]
    check = row["naive_check"]
    fits = "" if check is None else " ✓" if abs(check - 1) <= NAIVE_TOLERANCE else " ✗"
    return (
        row["title"],
        row["variant"],
        "GPU" if row["device"] == "cuda" else f"{row['threads']} thread{'s' if row['threads'] > 1 else ''}",
        *(number(row[f"{side}_ms"], 3 if row["ours_ms"] < 10 else 1) for side in ("base", "ours", "floor")),
        f"{number(row['ratio'], 2)}× [{number(low, 2)}–{number(high, 2)}]",
        against(row["ratio"], row["target"], f"≥ {number(row['target'], 1)}×"),
        f"{number(row['ceiling'], 2)}×",
        percent(row["floor_share"]),
        against(row["floor_share"], row["floor_target"], f"≥ {percent(row['floor_target'])}"),
        number(check, 2) + fits,
    )


def table(rows: Sequence[dict[str, Any]], notes: Sequence[str] = ()) -> str:
    """A tabela inteira, com as observações (o que não foi medido e por quê), a legenda e a máquina."""
    grid = [COLUMNS, *map(cells, rows)]
    widths = [max(len(line[i]) for line in grid) for i in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in grid]
    lines.insert(1, "  ".join("─" * width for width in widths))
    places = sorted({f"{row['device_name']}; PyTorch {row['torch']}" for row in rows})
    return "\n".join([*places, "", *lines, *notes, "", LEGEND])


def write(path: Path, rows: Sequence[dict[str, Any]], notes: Sequence[str] = ()) -> None:
    """Grava as medidas em JSON: ou o arquivo novo está inteiro, ou o antigo continua lá."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        content = {"rows": list(rows), "notes": list(notes)}
        file.write(json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n")
