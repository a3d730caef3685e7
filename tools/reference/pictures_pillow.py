#!/usr/bin/env python3
"""Reference values for pictures and chips, from Pillow.

    python tools/reference/pictures_pillow.py [DATA]

Writes, below crates/fervor/tests/data/:

    pictures.json     tiny drawn files of every format and kind, and the RGB pixels that Pillow reads from them
    photographs.json  for each picture in DATA (default ../shared/data): its upright size and the mean colours of its
                      quarters; for some, 48 x 48 grey chips

Needs numpy and pillow.
"""
import io
import json
import sys
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps, JpegImagePlugin

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "crates/fervor/tests/data"
WIDTH, HEIGHT = 19, 13  # no multiples of 8: the last blocks of a JPEG are incomplete


def drawing():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = 128 + 100 * np.sin(x / 3) * np.cos(y / 4)
    return np.stack([x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), waves], -1).astype(np.uint8), x, y


def over_white(image):
    """What Fervor makes of any picture: upright, alpha over white, 16 bits cut to their high byte."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")


def drawn_files():
    rgb, x, y = drawing()
    picture = Image.fromarray(rgb)
    grey = picture.convert("L")
    clear = Image.fromarray(np.dstack([rgb, (x * 255 // (WIDTH - 1)).astype(np.uint8)]))
    inks = np.asarray(picture.convert("CMYK")).copy()
    inks[..., 3] = x * 9
    inks = Image.fromarray(inks, "CMYK")
    deep = Image.fromarray((x * 3000 + y * 577).astype(np.uint16))
    files = {}

    def add(name, image, kind, tolerance=0, **options):
        data = io.BytesIO()
        image.save(data, kind, **options)
        files[name] = (data.getvalue(), tolerance)
        return data.getvalue()

    # Decoders may round the inverse cosine transform and the interpolation of colour differently: that is the tolerance.
    for sampling, name in enumerate(["444", "422", "420"]):
        add(f"baseline {name}.jpg", picture, "JPEG", 4, quality=92, subsampling=sampling)
        add(f"progressive {name}.jpg", picture, "JPEG", 4, quality=92, subsampling=sampling, progressive=True)
    add("restart markers.jpg", picture, "JPEG", 4, quality=92, restart_marker_blocks=1)
    add("grey.jpg", grey, "JPEG", 2, quality=92)
    add("grey progressive.jpg", grey, "JPEG", 2, quality=92, progressive=True)
    add("rgb.jpg", picture, "JPEG", 2, quality=92, keep_rgb=True)
    cmyk = add("cmyk.jpg", inks, "JPEG", 3, quality=92)
    add("cmyk progressive.jpg", inks, "JPEG", 3, quality=92, progressive=True)
    # The same values, read as luma, chroma and black: byte 11 after "Adobe" says how.
    transform = cmyk.index(b"Adobe") + 11
    files["ycck.jpg"] = (cmyk[:transform] + b"\x02" + cmyk[transform + 1 :], 4)
    files["cmyk without adobe.jpg"] = (cmyk[: transform - 15] + cmyk[transform + 1 :], 3)

    for mode in ["1", "L", "LA", "RGB"]:
        add(f"{mode}.png", (clear if mode == "LA" else picture).convert(mode), "PNG")
    add("RGBA.png", clear, "PNG")
    add("16 bit grey.png", deep, "PNG")
    for colours, bits in [(2, 1), (4, 2), (16, 4), (99, 8)]:
        add(f"palette of {bits} bits.png", picture.quantize(colours), "PNG", bits=bits)
    add("palette with a clear colour.png", picture.quantize(16), "PNG", transparency=3)
    add("palette with alpha.png", clear.quantize(32), "PNG")
    add("one clear grey.png", grey, "PNG", transparency=int(np.asarray(grey)[3, 4]))
    add("one clear colour.png", picture, "PNG", transparency=tuple(int(v) for v in rgb[3, 4]))

    for mode in ["1", "L", "RGB"]:
        add(f"{mode}.bmp", picture.convert(mode), "BMP")
    add("palette.bmp", picture.quantize(16), "BMP")

    add("lossy.webp", picture, "WEBP", 4, quality=90)
    add("lossy with alpha.webp", clear, "WEBP", 4, quality=90)
    add("lossless.webp", picture, "WEBP", lossless=True)
    add("lossless with alpha.webp", clear, "WEBP", lossless=True, exact=True)
    more = {"save_all": True, "append_images": [picture.rotate(180)], "duration": 100}
    add("moving.webp", picture, "WEBP", lossless=True, **more)

    add("palette.gif", picture.quantize(32), "GIF")
    add("clear colour.gif", picture.quantize(16), "GIF", transparency=3)
    add("interlaced.gif", picture.quantize(16), "GIF", interlace=1)
    add("moving.gif", picture.quantize(16), "GIF", **more)

    for mode in ["1", "L", "RGB", "CMYK"]:
        add(f"{mode}.tif", inks if mode == "CMYK" else picture.convert(mode), "TIFF", 1 if mode == "CMYK" else 0)
    add("RGBA.tif", clear, "TIFF")
    add("16 bit grey.tif", deep, "TIFF")
    for compression in ["tiff_lzw", "tiff_adobe_deflate", "packbits"]:
        add(f"{compression}.tif", picture, "TIFF", compression=compression)

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        add(f"orientation {orientation}.jpg", grey, "JPEG", 2, quality=92, exif=exif)
        if orientation == 6:
            add("orientation 6.png", picture, "PNG", exif=exif)
            add("orientation 6.webp", picture, "WEBP", lossless=True, exif=exif)
            add("orientation 6.tif", picture, "TIFF", exif=exif)
    return files


def pictures():
    for name, (data, tolerance) in drawn_files().items():
        image = over_white(Image.open(io.BytesIO(data)))
        yield {
            "name": name,
            "file": data.hex(),
            "width": image.width,
            "height": image.height,
            "rgb": image.tobytes().hex(),
            "tolerance": tolerance,
        }


CHIPS = ["photos/skimage/astronaut.png", "photos/pyfeat/single_face.jpg", "photos/dali/2.jpeg", "happy-sad/sad/image32.png"]


def photographs(data):
    for path in sorted(p for folder in ["photos", "happy-sad"] for p in (data / folder).rglob("*")):
        try:
            image = over_white(Image.open(path))
        except (OSError, PermissionError):
            continue
        entry = {"path": path.relative_to(data).as_posix(), "width": image.width, "height": image.height}
        pixels = np.asarray(image).astype(np.float64)
        middle_y, middle_x = image.height // 2, image.width // 2
        quarters = [half for rows in (pixels[:middle_y], pixels[middle_y:]) for half in (rows[:, :middle_x], rows[:, middle_x:])]
        entry["quarters"] = [[round(v, 2) for v in quarter.mean((0, 1))] for quarter in quarters]
        entry["tolerance"] = tolerance(path)
        if entry["path"] in CHIPS:
            entry["chips"] = list(chips(image))
        yield entry


def tolerance(path):
    """How far a quarter's mean may be off. Fervor's JPEG decoder rounds upwards twice where it enlarges chroma, which raises
    Cb and Cr by 0.2 in the mean and blue by up to 0.55; files with whole chroma agree to 0.02."""
    image = Image.open(path)
    if image.format != "JPEG":
        return 0.02
    subsampled = image.mode not in ("L", "CMYK") and JpegImagePlugin.get_sampling(image) != 0
    return 0.6 if subsampled else 0.06


def chips(image):
    """Chips of the whole picture, of a box inside it, and of a box that leaves it on two sides."""
    width, height = image.size
    inside = [width * 0.31, height * 0.12, width * 0.4, width * 0.4]
    outside = [-0.1 * width, height - 0.4 * width, 0.5 * width, 0.5 * width]
    for box in [[0, 0, width, height], inside, outside]:
        box = [float(np.float32(v)) for v in box]
        border = width
        edged = Image.fromarray(np.pad(np.asarray(image), ((border, border), (border, border), (0, 0)), mode="edge"))
        x, y, w, h = box
        if x >= 0 and y >= 0 and x + w <= width and y + h <= height:
            chip = image.resize((48, 48), Image.BILINEAR, box=(x, y, x + w, y + h))
        else:
            chip = edged.resize((48, 48), Image.BILINEAR, box=(x + border, y + border, x + w + border, y + h + border))
        yield {"box": box, "grey": chip.convert("L").tobytes().hex()}


def write(name, entries):
    OUT.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    (OUT / name).write_text(f'{{"pillow": "{PIL.__version__}", "entries": [\n{lines}\n]}}\n')
    print(f"{OUT / name}: {len(lines)} bytes")


if __name__ == "__main__":
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "../shared/data"
    write("pictures.json", pictures())
    write("photographs.json", photographs(shared))
