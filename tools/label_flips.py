"""How often the label of a face changes, in changes a second, of each frame alone and smoothed: of tables of `fervor video`.

    fervor video films --output out --format csv
    python tools/label_flips.py out/*/frames.csv
"""

import csv
import sys

for path in sys.argv[1:]:
    with open(path, newline="") as table:
        rows = list(csv.DictReader(table))
    kinds = {kind: [name for name in rows[0] if name.startswith(f"{kind}_")] for kind in "ps"}
    tracks = {}
    for row in rows:
        if row["track"]:
            tracks.setdefault(row["track"], []).append(row)
    changes, seconds = dict.fromkeys(kinds, 0), 0.0
    for seen in tracks.values():
        seconds += float(seen[-1]["time_s"]) - float(seen[0]["time_s"])
        for kind, names in kinds.items():
            labels = [max(names, key=lambda name: float(row[name])) for row in seen]
            changes[kind] += sum(a != b for a, b in zip(labels, labels[1:]))
    if seconds:
        print(f"{path}: {len(tracks)} tracks, {seconds:.1f} s; a frame alone {changes['p'] / seconds:.2f} changes a second, smoothed {changes['s'] / seconds:.2f}")
