"""Makes a messy folder from happy-sad (or any folder of class folders) and checks what `fervor audit` says of it.

    python tools/reference/messy_tree.py SOURCE OUT --fervor target/release/fervor

OUT gets a copy of SOURCE with faults planted in it. Each must be found under the kind that it was planted as, nothing may crash,
and no other file may be called corrupt. Needs Pillow. Permissions cannot be taken away from root; that fault is left out then.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

CORRUPT = {"empty_file", "truncated_file", "not_a_picture", "unsupported_format", "unreadable_file", "changed_picture"}


def plant(out):
    """Plants every fault; returns {path: kind that must name it}."""
    first, second = sorted(path for path in out.iterdir() if path.is_dir())[:2]
    pictures = sorted(path for path in first.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    photo = Image.open(pictures[0]).convert("RGB")
    planted = {}

    def at(folder, name, kind):
        path = folder / name
        planted[path.relative_to(out).as_posix()] = kind
        return path

    data = pictures[1].read_bytes()
    for number, share in enumerate((0.02, 0.3, 0.6, 0.95)):
        at(first, f"cut-{number}.jpg", "truncated_file").write_bytes(data[: int(len(data) * share)])
    photo.save(out / "whole.png")
    data = (out / "whole.png").read_bytes()
    (out / "whole.png").unlink()
    at(first, "cut.png", "truncated_file").write_bytes(data[: len(data) // 2])
    at(second, "really-png.jpg", "wrong_extension").write_bytes(data)
    damaged = bytearray(data)
    damaged[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    at(first, "damaged.png", "unreadable_file").write_bytes(damaged)
    at(second, "text.png", "not_a_picture").write_text("this is not a picture\n")
    at(second, "page.jpg", "not_a_picture").write_text("<!DOCTYPE html><html>404</html>")
    at(first, "empty.jpg", "empty_file").touch()
    at(first, "phone.heic", "unsupported_format").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    photo.convert("CMYK").save(at(second, "print.jpg", "unusual_pixels"))
    grey = np.asarray(photo.convert("L"), dtype=np.uint16) * 257
    Image.fromarray(grey).save(at(second, "deep.png", "unusual_pixels"))
    Image.fromarray(grey[:, ::-1].copy()).save(at(second, "deep.tif", "unusual_pixels"))
    frames = [photo.resize((120, 90)).rotate(9 * i) for i in range(3)]
    frames[0].save(at(first, "moving.gif", "animated"), save_all=True, append_images=frames[1:])
    frames[1].save(at(first, "moving.webp", "animated"), save_all=True, append_images=[frames[0], frames[2]])
    frames[2].save(at(first, "moving.png", "animated"), save_all=True, append_images=frames[:2])
    (first / "loop").symlink_to(out.resolve())
    planted[(first / "loop").relative_to(out).as_posix()] = "broken_link"
    (second / "gone.jpg").symlink_to("nowhere.jpg")
    planted[(second / "gone.jpg").relative_to(out).as_posix()] = "broken_link"
    shutil.copyfile(pictures[2], at(second, "in both classes.jpg", "conflict"))
    for number, name in enumerate(("笑顔の写真.jpg", "with spaces and 'quotes\".jpg", "line\nbreak\tand tab.jpg", "ü" * 110 + ".jpg")):
        # Whole pictures with odd names: accused of nothing but being copies of each other's source.
        Image.open(pictures[3 + number]).convert("RGB").rotate(90, expand=True).save(first / name, quality=92)
        planted[(first / name).relative_to(out).as_posix()] = None
    Image.new("RGB", (64, 64), (90, 90, 90)).save(at(second, "blank.png", "blank"))
    photo.resize((12, 12)).save(at(second, "tiny.png", "too_small"))
    photo.resize((900, 40)).save(at(second, "strip.png", "absurd_size"))
    at(first, "notes.txt", "stray_file").write_text("notes")
    (out / "angery").mkdir()
    planted["angery"] = "misspelt_class"
    photo.transpose(Image.Transpose.ROTATE_180).save(out / "angery" / "one.png")
    (out / "surprise").mkdir()
    planted["surprise"] = "empty_class"
    if os.geteuid() != 0:
        path = at(first, "forbidden.jpg", "unreadable_file")
        shutil.copyfile(pictures[8], path)
        path.chmod(0)
    return planted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fervor", default="fervor")
    args = parser.parse_args()
    shutil.copytree(args.source, args.out)
    os.system(f"chmod -R u+w '{args.out}'")
    clean = run(args.fervor, args.source)
    planted = plant(args.out)
    report = run(args.fervor, args.out)
    found = {}
    for finding in report["findings"]:
        for item in finding["items"]:
            found.setdefault(item["id"], set()).add(finding["kind"])
    failures = 0
    for path, kind in planted.items():
        kinds = found.get(path, set())
        right = kind in kinds if kind else not kinds & CORRUPT
        failures += not right
        print(f"{'ok  ' if right else 'FAIL'} {kind or 'no fault':<20} {path[:40]!r:<46} {', '.join(sorted(kinds))}")
    before = {item["id"] for finding in clean["findings"] if finding["kind"] in CORRUPT for item in finding["items"]}
    accused = [path for path, kinds in found.items() if kinds & CORRUPT and path not in planted and path not in before]
    print(f"{len(planted)} planted, {failures} missed; wrongly called corrupt: {accused or 'none'}")
    sys.exit(bool(failures or accused))


def run(fervor, data):
    done = subprocess.run([fervor, "audit", str(data), "--format", "json"], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"exit code {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
