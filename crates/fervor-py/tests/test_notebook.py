"""The example notebook runs from top to bottom."""

from __future__ import annotations

import nbformat
import pytest

from conftest import ROOT

nbclient = pytest.importorskip("nbclient")


def test_the_notebook_runs():
    notebook = nbformat.read(ROOT / "examples" / "fervor.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT / "examples")}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert any("looks happy" in output.get("data", {}).get("text/html", "") for output in shown)
