"""Números como se escrevem em português, e valores colados no texto."""

import pytest

from ganlib.notebook import decimal_comma, glue


@pytest.mark.parametrize(
    ("value", "fmt", "text"),
    [
        (0.5, "{:.3f}", "0,500"),
        (-1.25, "{:.2f}", "−1,25"),
        (1234567.891, "{:,.1f}", "1.234.567,9"),
        (3.2e-7, "{:.1e}", "3,2·10⁻⁷"),
        (-4e12, "{:.0e}", "−4·10¹²"),
        (0.98889, "{:.1%}", "98,9%"),
        (8, "{:d}", "8"),
    ],
)
def test_numbers_are_written_with_a_decimal_comma(value, fmt, text):
    assert decimal_comma(value, fmt) == text


def test_glue_shows_nothing_and_records_the_text(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, **options: shown.append((bundle, options)))
    glue("pico", 1.63626)
    bundle, options = shown[0]
    assert bundle == {"application/papermill.record/text/plain": "'1,636'"}
    assert options["metadata"]["scrapbook"]["name"] == "pico"
