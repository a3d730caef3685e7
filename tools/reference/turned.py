"""How faces on their side and on their head fare: the share of photographs whose face is still found after turns of 90, 180 and 270
degrees, and still called the same.

    pip install pillow
    python tools/reference/turned.py PHOTOGRAPHS [--fervor target/release/fervor] [--every 4]
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("photographs", type=Path)
parser.add_argument("--fervor", default="target/release/fervor")
parser.add_argument("--every", type=int, default=4)
args = parser.parse_args()

pictures = sorted(path for path in args.photographs.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))[:: args.every]
faces = {}
with tempfile.TemporaryDirectory() as folder:
    for turn in (0, 90, 180, 270):
        copies = Path(folder) / str(turn)
        copies.mkdir()
        for number, path in enumerate(pictures):
            Image.open(path).convert("RGB").rotate(turn, expand=True).save(copies / f"{number}.png")
        lines = subprocess.run([args.fervor, "predict", copies, "--format", "jsonl"], capture_output=True, text=True).stdout
        rows = map(json.loads, lines.splitlines())
        faces[turn] = {Path(row["source"]).stem: row["faces"] for row in rows}

upright = {name: found[0] for name, found in faces[0].items() if found}
print(f"{len(pictures)} pictures, {len(upright)} with a face as they are")
for turn in (90, 180, 270):
    found = {name: faces[turn][name][0] for name in upright if faces[turn].get(name)}
    same = sum(face["label"] == upright[name]["label"] for name, face in found.items())
    flagged = sum("turned" in face["quality"]["flags"] for face in found.values())
    print(f"{turn:3}: {len(found) / len(upright):.1%} found, {same / len(upright):.1%} called the same, {flagged / len(upright):.1%} flagged")
