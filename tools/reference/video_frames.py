#!/usr/bin/env python3
"""Makes the small clips that fervor-video's tests decode, and says what ffmpeg sees in them.

    python3 tools/reference/video_frames.py crates/fervor-video/tests/clips

needs ffmpeg with libx264 and libx265, and numpy. Each clip is drawn (no camera, no people). `frames.txt` has a line a frame: the
clip, the time by ffprobe, and the first digits of the SHA-256 of size and RGB pixels, as `Picture::content_hash` takes it. The RGB
comes from the planes that ffmpeg decodes, by the formula of H.273 in the same 14-bit integers; beside it the script prints how far
that is from ffmpeg's own RGB.
"""

import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

DRAWN = ["-f", "lavfi", "-i", "testsrc2=size={size}:rate=25:duration={seconds}"]
X264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "30", "-x264-params", "threads=1"]
X265 = ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-crf", "32", "-x265-params", "log-level=error:pools=1:frame-threads=1"]
EXACT = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"]

# name: (size, seconds, ffmpeg's arguments, degrees that a player turns)
CLIPS = {
    "b-frames.mp4": ("146x82", 1.0, X264 + ["-bf", "3", "-g", "12"], 0),
    "baseline.mp4": ("96x64", 0.6, X264 + ["-profile:v", "baseline", "-movflags", "+faststart"], 0),
    "slices.mov": ("96x64", 0.6, X264 + ["-x264-params", "slices=4:weightp=2:b-pyramid=normal:bframes=3:threads=1"], 0),
    "fragmented.mp4": ("96x64", 1.0, X264 + ["-g", "8", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"], 0),
    "variable.mp4": ("96x64", 1.6, X264 + ["-vf", "select='not(mod(n,3))+not(mod(n,7))'", "-fps_mode", "vfr"], 0),
    "bt709-full.mp4": (
        "96x64", 0.4,
        X264 + ["-vf", "scale=out_color_matrix=bt709:out_range=full", "-colorspace", "bt709", "-color_range", "pc"], 0,
    ),
    "hevc.mp4": ("96x64", 0.8, X265 + ["-tag:v", "hvc1", "-bf", "3"], 0),
    "hevc-odd.mov": ("146x82", 0.4, X265 + ["-tag:v", "hvc1", "-color_range", "tv", "-colorspace", "bt709"], 0),
    "groups.mp4": ("48x32", 4.4, X264 + ["-bf", "3", "-g", "25"], 0),
    "stream.h264": ("96x64", 0.8, X264 + ["-bf", "2", "-g", "10", "-f", "h264"], 0),
    "stream.hevc": ("96x64", 0.5, X265 + ["-f", "hevc"], 0),
}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, **options).stdout


def make(folder):
    for name, (size, seconds, arguments, _) in CLIPS.items():
        drawn = [part.format(size=size, seconds=seconds) for part in DRAWN]
        run("ffmpeg", "-v", "error", "-y", *drawn, *arguments, *EXACT, folder / name)
    # The same pictures, turned a quarter clockwise by a player; cut by an edit list three frames in; cut off in the middle.
    turned = bytearray((folder / "baseline.mp4").read_bytes())
    matrix = turned.index(b"tkhd") + 44
    turned[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 64 << 16, 0, 1 << 30)
    (folder / "turned.mp4").write_bytes(turned)
    run("ffmpeg", "-v", "error", "-y", "-ss", "0.13", "-i", folder / "b-frames.mp4", "-c", "copy", *EXACT, folder / "edited.mp4")
    whole = (folder / "baseline.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])


def facts(path):
    entries = "stream=width,height,color_space,color_range:stream_side_data=rotation:frame=pts_time"
    text = run("ffprobe", "-v", "quiet", "-select_streams", "v:0", "-show_entries", entries, "-of", "flat", path).decode()
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    values = {key: value.strip('"') for key, value in values.items()}
    get = lambda end: next((value for key, value in values.items() if key.endswith(end)), "")
    times = [value for key, value in values.items() if key.startswith("frames.frame") and key.endswith("pts_time")]
    return int(get("width")), int(get("height")), get("color_space"), get("color_range"), int(float(get("rotation") or 0)), times


def to_rgb(planes, width, height, matrix, full):
    """H.273, each chroma value for its four pixels, factors and sums in units of 2^-14."""
    half = ((width + 1) // 2, (height + 1) // 2)
    y = planes[: width * height].reshape(height, width).astype(np.int64)
    rest = planes[width * height :].reshape(2, half[1], half[0]).astype(np.int64) - 128
    u, v = (plane.repeat(2, 0).repeat(2, 1)[:height, :width] for plane in rest)
    red, blue = {"bt709": (0.2126, 0.0722)}.get(matrix, (0.299, 0.114))
    green = 1 - red - blue
    black, luma, chroma = (0, 1.0, 1.0) if full else (16, 255 / 219, 255 / 224)
    fixed = lambda value: int(np.floor(value * 16384 + 0.5)) if value >= 0 else -int(np.floor(-value * 16384 + 0.5))
    light = (y - black) * fixed(luma) + 8192
    r = light + fixed(2 * (1 - red) * chroma) * v
    g = light + fixed(-2 * (1 - blue) * blue / green * chroma) * u + fixed(-2 * (1 - red) * red / green * chroma) * v
    b = light + fixed(2 * (1 - blue) * chroma) * u
    return np.clip(np.stack([r, g, b], -1) >> 14, 0, 255).astype(np.uint8)


def frames(path):
    width, height, matrix, colour_range, rotation, times = facts(path)
    decode = ["ffmpeg", "-v", "quiet", "-noautorotate", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo"]
    size = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    planes = np.frombuffer(run(*decode, "-pix_fmt", "yuv420p" if colour_range != "pc" else "yuvj420p", "-"), np.uint8)
    theirs = np.frombuffer(run(*decode, "-pix_fmt", "rgb24", "-"), np.uint8).reshape(-1, height, width, 3)
    rows, errors = [], []
    for number, frame in enumerate(planes.reshape(-1, size)):
        rgb = to_rgb(frame, width, height, matrix, colour_range == "pc")
        errors.append(np.abs(rgb.astype(int) - theirs[number]))
        # A display matrix turns counter-clockwise by these degrees.
        rgb = np.ascontiguousarray(np.rot90(rgb, (rotation // 90) % 4))
        shape = np.array([rgb.shape[1], rgb.shape[0]], "<u4").tobytes()
        time = times[number] if number < len(times) and times[number] not in ("", "N/A") else f"{number / 25:.6f}"
        rows.append(f"{path.name} {float(time):.6f} {hashlib.sha256(shape + rgb.tobytes()).hexdigest()[:16]}")
    errors = np.concatenate([error.ravel() for error in errors])
    print(f"{path.name:16} {len(rows):3} frames, our RGB against ffmpeg's: mean {errors.mean():.3f}, most {errors.max()}")
    return rows


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if "--only-list" not in sys.argv:
        make(folder)
    names = [*CLIPS, "turned.mp4", "edited.mp4", "cut.mp4"]
    rows = [row for name in names for row in frames(folder / name)]
    (folder / "frames.txt").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
