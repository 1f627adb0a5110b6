"""Tables as text: numbers as papers write them, and GitHub's Markdown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def number(value: float) -> str:
    """Two decimals, the leading zero dropped: .48, -.01, 1.00; `-` for NaN."""
    if np.isnan(value):
        return "-"
    text = f"{value:.2f}"
    text = "0.00" if text == "-0.00" else text
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def cells(table: pd.DataFrame) -> dict[str, Any]:
    """A table as `columns` and `rows` of text."""

    def shown(value: Any) -> str:
        return number(value) if isinstance(value, float) else str(value)

    rows = [[shown(value) for value in row] for row in table.itertuples(index=False)]
    return {"columns": list(table.columns), "rows": rows}


def markdown_table(table: pd.DataFrame) -> str:
    """A table as GitHub Markdown, numbers as `number` writes them."""
    text = cells(table)
    header, *rows = [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"
        for row in [text["columns"], *text["rows"]]
    ]
    return "\n".join([header, "|" + " --- |" * len(table.columns), *rows])
