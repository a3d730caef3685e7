"""Doors for programs that were written for other packages: their calls, the shapes of their answers, Fervor behind them.

    from fervor.compat import DeepFace     # instead of: from deepface import DeepFace
    from fervor.compat import FER          # instead of: from fer import FER
    from fervor.compat import Detector     # instead of: from feat import Detector
"""

from fervor.compat import deepface as DeepFace
from fervor.compat.deepface import FaceNotDetected
from fervor.compat.feat import Detector, fex
from fervor.compat.fer import FER

__all__ = ["FER", "DeepFace", "Detector", "FaceNotDetected", "fex"]
