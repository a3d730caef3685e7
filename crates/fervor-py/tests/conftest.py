"""The pictures that tests look at: one photograph, and what is drawn."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fervor

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def photo() -> Path:
    return ROOT / "examples" / "astronaut.png"


@pytest.fixture(scope="session")
def pixels(photo: Path) -> np.ndarray:
    return np.asarray(Image.open(photo).convert("RGB"))


@pytest.fixture(scope="session")
def analyzer() -> fervor.Analyzer:
    return fervor.Analyzer()


@pytest.fixture(scope="session")
def blank() -> bytes:
    """A picture without a face."""
    file = io.BytesIO()
    Image.new("RGB", (200, 100), (90, 120, 150)).save(file, "PNG")
    return file.getvalue()
