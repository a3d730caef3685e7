"""Plants altered copies into a data set and measures which of them `fervor audit` finds.

    python tools/reference/near_copies.py plant SOURCE OUT [--count 2000] [--seed 1]
    fervor audit OUT --report OUT-report
    python tools/reference/near_copies.py measure OUT OUT-report/audit.json

SOURCE is a folder with a folder for each class (train/ and test/ above them or not). OUT gets those pictures of SOURCE that resemble
no other by their pixels, and `count` altered copies of different ones, each alteration at three strengths; planted.csv says
which came from which. Precision needs a truth about the other pictures, which nobody has for FER-2013: a reported pair
counts as wrong only if a planted copy is linked to pictures other than its original that the report does not link to the
original in the unplanted set (give that report as the third argument).
"""

import argparse
import csv
import hashlib
import io
import json
import random
import shutil
from collections import defaultdict
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff"}


def encoded(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return Image.open(io.BytesIO(buffer.getvalue())).convert(picture.mode)


def resized(picture, share):
    size = [max(12, round(side * share)) for side in picture.size]
    return picture.resize(size, Image.Resampling.BICUBIC)


def cropped(picture, share, rng):
    """Cuts `share` of each side away, at a random place; what is left keeps its pixels."""
    width, height = (max(1, round(side * (1 - share))) for side in picture.size)
    x, y = rng.randint(0, picture.width - width), rng.randint(0, picture.height - height)
    return picture.crop((x, y, x + width, y + height))


def shifted(picture, share, rng):
    dx, dy = (rng.choice((-1, 1)) * max(1, round(side * share)) for side in picture.size)
    moved = ImageOps.expand(picture, border=max(abs(dx), abs(dy)), fill=0)
    border = max(abs(dx), abs(dy))
    return moved.crop((border + dx, border + dy, border + dx + picture.width, border + dy + picture.height))


def written(picture, share, rng, opacity, text):
    """Text over about `share` of the picture's width, black or white."""
    layer = picture.convert("RGBA")
    over = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(over)
    size = max(6, round(picture.height * share / 2.2))
    font = ImageFont.load_default(size)
    box = draw.textbbox((0, 0), text, font=font)
    x = rng.randint(-2, max(0, picture.width - (box[2] - box[0])))
    y = rng.randint(0, max(0, picture.height - (box[3] - box[1]) - box[1]))
    value = rng.choice((0, 255))
    draw.text((x, y), text, font=font, fill=(value, value, value, round(255 * opacity)))
    return Image.alpha_composite(layer, over).convert(picture.mode)


# Each alteration at three strengths, the weakest first.
ALTERATIONS = {
    "re-encode": [("q90", lambda p, r: encoded(p, "JPEG", quality=90)), ("q60", lambda p, r: encoded(p, "JPEG", quality=60)),
                  ("q30", lambda p, r: encoded(p, "JPEG", quality=30))],
    "resize": [("150 %", lambda p, r: resized(p, 1.5)), ("75 %", lambda p, r: resized(p, 0.75)), ("50 %", lambda p, r: resized(p, 0.5))],
    "brightness": [("+-10 %", lambda p, r: ImageEnhance.Brightness(p).enhance(r.choice((0.9, 1.1)))),
                   ("+-20 %", lambda p, r: ImageEnhance.Brightness(p).enhance(r.choice((0.8, 1.2)))),
                   ("+-40 %", lambda p, r: ImageEnhance.Brightness(p).enhance(r.choice((0.6, 1.4))))],
    "contrast": [("+-10 %", lambda p, r: ImageEnhance.Contrast(p).enhance(r.choice((0.9, 1.1)))),
                 ("+-20 %", lambda p, r: ImageEnhance.Contrast(p).enhance(r.choice((0.8, 1.2)))),
                 ("+-40 %", lambda p, r: ImageEnhance.Contrast(p).enhance(r.choice((0.6, 1.4))))],
    "mirror": [("exact", lambda p, r: ImageOps.mirror(p)), ("q80", lambda p, r: encoded(ImageOps.mirror(p), "JPEG", quality=80)),
               ("75 %, q80", lambda p, r: encoded(resized(ImageOps.mirror(p), 0.75), "JPEG", quality=80))],
    "crop": [("3 %", lambda p, r: cropped(p, 0.03, r)), ("6 %", lambda p, r: cropped(p, 0.06, r)), ("10 %", lambda p, r: cropped(p, 0.10, r))],
    "shift": [("2 %", lambda p, r: shifted(p, 0.02, r)), ("4 %", lambda p, r: shifted(p, 0.04, r)), ("6 %", lambda p, r: shifted(p, 0.06, r))],
    "watermark": [("20 %", lambda p, r: written(p, 0.4, r, 0.2, "sample")), ("35 %", lambda p, r: written(p, 0.4, r, 0.35, "sample")),
                  ("50 %", lambda p, r: written(p, 0.4, r, 0.5, "sample"))],
    "text": [("small", lambda p, r: written(p, 0.25, r, 1.0, "abc")), ("middle", lambda p, r: written(p, 0.4, r, 1.0, "abc")),
             ("large", lambda p, r: written(p, 0.6, r, 1.0, "abc"))],
}


def plant(source, out, count, seed):
    rng = random.Random(seed)
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    seen, distinct = set(), []
    for path in files:
        try:
            picture = Image.open(path).convert("RGB")
            key = hashlib.sha256(str(picture.size).encode() + picture.tobytes()).digest()
        except OSError:
            continue
        if key in seen:
            continue
        seen.add(key)
        target = out / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        low, high = picture.convert("L").getextrema()
        if high - low >= 40:
            distinct.append(path)
    steps = [(name, strength, alter) for name, all_strengths in ALTERATIONS.items() for strength, alter in all_strengths]
    originals = [path for _ in range(-(-count // len(distinct))) for path in rng.sample(distinct, len(distinct))][:count]
    rows = []
    for number, path in enumerate(originals):
        name, strength, alter = steps[number % len(steps)]
        picture = Image.open(path)
        picture = picture.convert("L" if picture.mode in ("L", "1", "I;16") else "RGB")
        below = path.relative_to(source)
        target = below.with_name(f"planted-{number}.png")
        alter(picture, rng).save(out / target)
        rows.append([target.as_posix(), below.as_posix(), name, strength])
    with open(out / "planted.csv", "w", newline="") as file:
        csv.writer(file).writerows([["copy", "original", "alteration", "strength"], *rows])
    print(f"{len(seen)} pictures, {len(rows)} copies in {out}")


def groups_of(report):
    groups = {}
    for finding in report["findings"]:
        if finding["kind"] in ("exact_duplicate", "near_duplicate", "near_leak", "near_conflict"):
            for group in finding.get("groups", []):
                members = [item["id"] for item in finding["items"][group["start"]:group["start"] + group["len"]]]
                for member in members:
                    groups.setdefault(member, set()).update(members)
    return groups


def measure(out, report, before):
    rows = list(csv.DictReader(open(out / "planted.csv")))
    groups = groups_of(json.load(open(report)))
    known = groups_of(json.load(open(before))) if before else {}
    copies = defaultdict(set)
    for row in rows:
        copies[row["original"]].add(row["copy"])
    table = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows:
        group = groups.get(row["copy"], set())
        # What the copy may be linked to: its original, that one's own copies, and their copies.
        right = {row["original"]} | known.get(row["original"], set())
        right |= set().union(*(copies[original] for original in right))
        wrong = group - right - {row["copy"]}
        for key in ((row["alteration"], row["strength"]), (row["alteration"], "all"), ("all", "")):
            cell = table[key]
            cell[0] += 1
            cell[1] += row["original"] in group
            cell[2] += bool(group)
            cell[3] += bool(wrong)
    print(f"{'alteration':<12}{'strength':<12}{'copies':>7}{'found':>7}{'recall':>9}{'precision':>11}")
    for (name, strength), (total, found, linked, wrong) in table.items():
        precision = f"{100 * (linked - wrong) / linked:.1f} %" if linked else "-"
        print(f"{name:<12}{strength:<12}{total:>7}{found:>7}{100 * found / total:>7.1f} %{precision:>11}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    planter = commands.add_parser("plant")
    planter.add_argument("source", type=Path)
    planter.add_argument("out", type=Path)
    planter.add_argument("--count", type=int, default=2000)
    planter.add_argument("--seed", type=int, default=1)
    measurer = commands.add_parser("measure")
    measurer.add_argument("out", type=Path)
    measurer.add_argument("report", type=Path)
    measurer.add_argument("before", type=Path, nargs="?")
    args = parser.parse_args()
    if args.command == "plant":
        plant(args.source, args.out, args.count, args.seed)
    else:
        measure(args.out, args.report, args.before)


if __name__ == "__main__":
    main()
