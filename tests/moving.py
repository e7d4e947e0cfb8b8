"""notebooks/moving.ipynb is docs/moving.md with our half as cells to run: `python -m tests.moving` writes it.

A test holds the one to the other.
"""

import re
import sys

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.support import ROOT

PAGE, NOTEBOOK = ROOT / "docs" / "moving.md", ROOT / "notebooks" / "moving.ipynb"
# Code of other packages has a comment above it and stays in the text.
OURS = re.compile(r"(?<!-->\n)^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LAST = "What these cells have recorded, live:", "%track digits"


def notebook():
    """The page as a notebook."""
    text, cells = PAGE.read_text("utf-8"), []
    text = re.sub(r"\]\((\w[\w-]*\.md)", r"](../docs/\1", text)
    pieces = OURS.split(text)
    pieces[-1] += LAST[0]
    for at, piece in enumerate([*pieces, LAST[1]]):
        of_code = at % 2 == 1
        source = (
            piece.strip() if of_code else re.sub(r"^<!-- not run: .*? -->\n", "", piece, flags=re.MULTILINE).strip()
        )
        if source:
            cells.append((new_code_cell if of_code else new_markdown_cell)(source, id=f"moving-{at}"))
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


if __name__ == "__main__":
    nbformat.write(notebook(), NOTEBOOK)
    sys.stdout.write(f"{NOTEBOOK.name}: {len(notebook().cells)} cells\n")
