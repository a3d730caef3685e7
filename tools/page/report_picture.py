"""Makes the film of docs/video-report.png, which shows nobody but the project's own pictures, its report, and the picture.

    pip install playwright opencv-python-headless imageio-ffmpeg
    python tools/page/report_picture.py target/release/fervor

The film: the photograph of examples/, moved a little, once behind a board, once blurred; beside it the drawn faces of the page,
one changing into the other.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import cv2
import imageio_ffmpeg
import numpy as np
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, HEIGHT, RATE, FRAMES = 960, 540, 25, 400
SPOTS = [(778, 270), (475, 258), (180, 263)]  # the middles of the drawn faces
ORDER = [(0, 0.0), (1, 4.2), (2, 7.6), (0, 11.0)]  # which is shown from when on


def ramp(begin, end, time):
    share = np.clip((time - begin) / (end - begin), 0, 1)
    return share * share * (3 - 2 * share)


def view(picture, x, y, scale, blur=0.0):
    move = np.float32([[scale, 0, WIDTH / 4 - scale * x], [0, scale, HEIGHT / 2 - scale * y]])
    seen = cv2.warpAffine(picture, move, (WIDTH // 2, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return cv2.GaussianBlur(seen, (0, 0), blur) if blur > 0.3 else seen


def film(path):
    photograph = cv2.imread(str(ROOT / "examples" / "astronaut.png"))
    drawn = cv2.imread(str(ROOT / "crates" / "fervor-serve" / "page" / "drawn.jpg"))
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE), "-i", "-"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *raw, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "22", str(path)]
    encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
    for time in np.arange(FRAMES) / RATE:
        blur = 9 * (ramp(12.4, 13.0, time) - ramp(14.6, 15.2, time))
        left = view(photograph, 222 + 6 * np.sin(0.9 * time), 128 + 5 * np.cos(0.7 * time), 2.1 + 0.3 * np.sin(0.45 * time), blur)
        if 6.0 < time < 7.4:
            x = int(-260 + 560 * ramp(5.9, 6.6, time)) if time < 6.9 else int(300 - 560 * ramp(6.9, 7.5, time))
            cv2.rectangle(left, (max(x - 20, 0), 0), (max(x + 230, 0), HEIGHT), (96, 84, 70), -1)
        turn = max(turn for turn, (_, since) in enumerate(ORDER) if time >= since)
        spot = lambda turn: (SPOTS[ORDER[turn][0]][0] + 5 * np.sin(1.3 * time), SPOTS[ORDER[turn][0]][1])
        right, share = view(drawn, *spot(turn), 1.45), ramp(ORDER[turn][1], ORDER[turn][1] + 0.8, time)
        if turn and share < 1:
            right = cv2.addWeighted(view(drawn, *spot(turn - 1), 1.45), 1 - share, right, share, 0)
        encoder.stdin.write(np.hstack([left, right]).tobytes())
    encoder.stdin.close()
    assert encoder.wait() == 0


with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
    film(pathlib.Path(folder) / "portraits.mp4")
    subprocess.run([sys.argv[1], "video", f"{folder}/portraits.mp4", "--output", f"{folder}/report"], check=True)
    browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1180, "height": 1212})
    page.goto(pathlib.Path(folder, "report", "report.html").as_uri())
    page.wait_for_function("() => document.querySelector('#video').videoWidth > 0")
    page.evaluate("() => { const film = document.querySelector('#video'); film.controls = false; film.currentTime = 5.4 }")
    page.wait_for_timeout(1500)
    page.screenshot(path=str(ROOT / "docs" / "video-report.png"))
    browser.close()
