"""Nada é pulado em silêncio: quantos testes foram pulados, e por quê, é sempre dito, mesmo quando são zero."""

from collections import Counter


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.write_line(f"Testes pulados: {len(skipped)}")
    reasons = Counter(report.longrepr[-1].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.items():
        terminalreporter.write_line(f"  {count}: {reason}")
