"""Nada é pulado em silêncio: o número de testes pulados é sempre dito, mesmo quando é zero."""


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.write_line(f"Testes pulados: {len(skipped)}")
    for report in skipped:
        terminalreporter.write_line(f"  {report.nodeid}: {report.longrepr[-1]}")
