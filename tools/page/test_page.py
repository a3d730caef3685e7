"""Drives the page of `fervor serve` in a real headless Chromium, as a person would, and leaves screenshots.

    pip install playwright axe-playwright-python opencv-python-headless pillow
    python tools/page/test_page.py target/release/fervor --video woman.mp4 --shots shots

Chromium is the system's (/usr/bin/chromium, or CHROMIUM). The camera is Chromium's fake device, fed from a video that shows a
face; without --video that test is left out.
"""

import argparse
import base64
import contextlib
import csv
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from playwright.sync_api import expect, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTO = ROOT / "examples" / "astronaut.png"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@contextlib.contextmanager
def service(program, *flags):
    """The service on a free port."""
    quiet = {**os.environ, "FERVOR_LOG": "warn"}  # nobody reads the log here
    process = subprocess.Popen([program, "serve", "--port", "0", *flags], stderr=subprocess.PIPE, text=True, env=quiet)
    try:
        address = re.search(r"http://\S+/", process.stderr.readline()).group()
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=20)


def camera_file(video, folder):
    """The first seconds of a video as Motion JPEG, which Chromium's fake camera plays."""
    import cv2

    path, source = pathlib.Path(folder) / "camera.mjpeg", cv2.VideoCapture(str(video))
    with open(path, "wb") as out:
        for _ in range(120):
            read, frame = source.read()
            if not read:
                break
            # The fake camera shows black for odd sizes.
            frame = cv2.resize(frame, (640, round(320 * frame.shape[0] / frame.shape[1]) * 2), interpolation=cv2.INTER_AREA)
            out.write(cv2.imencode(".jpg", frame)[1].tobytes())
    return path


class Page:
    """A page, its console and its requests: nothing may go wrong in them unnoticed."""

    def __init__(self, browser, address, shots, **context):
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.address, self.shots = address, shots
        self.faults, self.outside = [], []
        self.page.on("console", lambda message: message.type == "error" and self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.outside.append(request.url) if not request.url.startswith((address, "blob:", "data:", "ws://" + address[7:])) else None)
        self.page.goto(address)

    def shot(self, name, full=True):
        if self.shots:
            self.page.screenshot(path=str(self.shots / f"{name}.png"), full_page=full)

    def accessible(self, what):
        """No finding of axe-core that is serious or critical."""
        from axe_playwright_python.sync_playwright import Axe

        # The page's own policy keeps foreign scripts out; the tool brings its own through the debugger.
        found = Axe().run(self.page).response["violations"]
        serious = [f"{v['id']}: {v['help']}: {[n['html'][:120] for n in v['nodes'][:3]]}" for v in found if v["impact"] in ("serious", "critical")]
        assert not serious, f"{what}: {serious}"
        print(f"  axe-core, {what}: {', '.join(v['id'] for v in found) or 'no findings'}")

    def close(self, faults=0):
        self.context.close()
        assert not self.outside, self.outside
        assert len(self.faults) <= faults, self.faults


def picture(kind="JPEG", size=None):
    from PIL import Image

    image, out = Image.open(PHOTO).convert("RGB"), io.BytesIO()
    (image.resize(size) if size else image).save(out, kind)
    return out.getvalue()


def drop_or_paste(page, event, files):
    """Drops or pastes files, as the browser does it from a file manager."""
    page.evaluate(
        """([event, files]) => {
          const data = new DataTransfer();
          for (const [name, type, text] of files) {
            data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name, { type }));
          }
          const target = document.querySelector("#drop");
          target.dispatchEvent(event === "drop"
            ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        [event, [[name, kind, base64.b64encode(data).decode()] for name, kind, data in files]],
    )


def a_chosen_picture_is_answered_with_boxes_bars_and_words(open_page):
    p = open_page()
    p.page.set_input_files("#choose", str(PHOTO))
    expect(p.page.locator(".face h3").first).to_have_text(re.compile(r"Looks happy, \d\d %"))
    expect(p.page.locator(".bars li").first).to_contain_text("happy")
    assert p.page.locator(".bars li").count() == 7
    box, image = p.page.locator(".box").bounding_box(), p.page.locator(".frame img").bounding_box()
    share = (box["x"] - image["x"]) / image["width"], (box["y"] - image["y"]) / image["height"]
    assert abs(share[0] - 0.35) < 0.02 and abs(share[1] - 0.124) < 0.02, share
    expect(p.page.locator("#say")).to_contain_text("1 face. looks happy")
    expect(p.page.locator(".truth")).to_contain_text("An expression is not an inner state")
    p.accessible("an answer")
    p.shot("picture")
    p.close()


def pictures_may_be_dropped_and_pasted(open_page):
    p = open_page()
    drop_or_paste(p.page, "drop", [("a.jpg", "image/jpeg", picture()), ("b.png", "image/png", picture("PNG", (300, 300)))])
    expect(p.page.locator(".face h3")).to_have_count(2)
    drop_or_paste(p.page, "paste", [("image.png", "image/png", picture("PNG"))])
    expect(p.page.locator(".face h3")).to_have_count(3)
    p.shot("several")
    p.close()


def a_bad_file_is_told_in_words_and_the_others_go_on(open_page):
    p = open_page()
    drop_or_paste(p.page, "drop", [("notes.jpg", "image/jpeg", b"these are notes"), ("a.jpg", "image/jpeg", picture())])
    expect(p.page.locator(".result.failed .error")).to_have_text("Not a picture, but text. Fervor reads JPEG, PNG, BMP, WebP, GIF and TIFF.")
    expect(p.page.locator(".face h3")).to_have_count(1)
    p.accessible("an error")
    p.shot("bad-file")
    p.close(faults=2)  # the browser's own note on the status 415, and on a picture that it cannot draw


def examples_are_a_click_away(open_page):
    p = open_page()
    p.page.get_by_role("button", name="An astronaut").click()
    expect(p.page.locator(".face h3")).to_have_count(1)
    p.page.get_by_role("button", name="Drawn faces").click()
    expect(p.page.locator(".face h3")).to_have_count(4)
    p.shot("examples")
    p.close()


def a_batch_becomes_a_table_that_sorts_and_downloads(open_page):
    p = open_page()
    p.page.get_by_role("tab", name="Batch").click()
    files = [{"name": f"{i}.jpg", "mimeType": "image/jpeg", "buffer": picture(size=(160 + 40 * i, 160 + 40 * i))} for i in range(6)]
    p.page.set_input_files("#batch-files", files + [{"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n"}])
    expect(p.page.locator("#batch-count")).to_have_text("7 of 7, 1 failed")
    first = lambda: p.page.locator("tbody tr td").first.inner_text()
    p.page.get_by_role("button", name="Size").click()
    p.page.get_by_role("button", name="Size").click()
    assert first() == "5.jpg", first()
    expect(p.page.locator("th[aria-sort=descending]")).to_have_count(1)
    with p.page.expect_download() as download:
        p.page.get_by_role("button", name="Download CSV").click()
    table = list(csv.reader(io.StringIO(pathlib.Path(download.value.path()).read_text())))
    assert table[0][:6] == ["source", "picture_width", "picture_height", "face", "x", "y"] and len(table) == 8, table
    assert all(len(row) == len(table[0]) for row in table[1:]), table
    p.accessible("a batch")
    p.shot("batch")
    p.close(faults=2)


def the_keyboard_reaches_everything(open_page):
    p = open_page()
    p.page.keyboard.press("Tab")
    expect(p.page.locator(".skip")).to_be_focused()
    p.page.keyboard.press("Tab")
    expect(p.page.locator("#tab-pictures")).to_be_focused()
    p.page.keyboard.press("ArrowRight")
    expect(p.page.locator("#camera")).to_be_visible()
    p.page.keyboard.press("End")
    expect(p.page.locator("#batch")).to_be_visible()
    p.page.keyboard.press("Home")
    p.page.keyboard.press("Tab")
    expect(p.page.locator("#choose")).to_be_focused()
    p.page.get_by_role("button", name="An astronaut").focus()
    p.page.keyboard.press("Enter")
    expect(p.page.locator(".face h3")).to_have_count(1)
    p.close()


def it_is_readable_in_the_dark_and_on_a_phone(open_page):
    p = open_page(color_scheme="dark")
    p.page.get_by_role("button", name="Drawn faces").click()
    expect(p.page.locator(".face h3")).to_have_count(3)
    assert p.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 29)"
    p.accessible("in the dark")
    p.shot("dark")
    p.close()
    p = open_page(viewport={"width": 375, "height": 720}, device_scale_factor=2, has_touch=True)
    p.page.get_by_role("button", name="An astronaut").click()
    expect(p.page.locator(".face h3")).to_have_count(1)
    for tab in ("Pictures", "Camera", "Batch"):
        p.page.get_by_role("tab", name=tab).click()
        wide = p.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 375, (tab, wide)
        p.shot(f"phone-{tab.lower()}")
    p.accessible("on a phone")
    p.close()


def the_api_page_is_readable(open_page):
    p = open_page()
    p.page.get_by_role("link", name="For programs: the API").click()
    expect(p.page.get_by_role("heading", name="POST /predict")).to_be_visible()
    p.accessible("the API page")
    p.shot("api")
    p.close()


def the_camera_answers_live_and_stops(open_page):
    p = open_page(permissions=["camera"])
    p.page.get_by_role("tab", name="Camera").click()
    expect(p.page.locator("#camera-notice")).to_contain_text("The camera is off")
    assert p.page.evaluate("document.querySelector('#video').srcObject") is None
    p.accessible("the camera before")
    p.shot("camera-off")
    p.page.get_by_role("button", name="Start the camera").click()
    expect(p.page.locator("#camera-overlay .box").first).to_be_visible(timeout=15000)
    expect(p.page.locator("#camera-words")).not_to_be_empty()
    p.page.locator("#smoothing").fill("1")
    expect(p.page.locator("#smoothing-value")).to_have_text("1.0 s")
    time.sleep(8)
    inked = p.page.evaluate("""() => { const c = document.querySelector('#timeline');
      return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v).length }""")
    assert inked > 2000, inked
    rate, delay = (p.page.locator(f"#stat-{name}").inner_text() for name in ("rate", "delay"))
    print(f"  camera: {rate}, {delay} from picture to answer")
    p.accessible("the camera")
    p.shot("camera")
    p.page.get_by_role("button", name="Take a photograph").click()
    expect(p.page.locator("#pictures .face h3").first).to_be_visible()
    p.page.get_by_role("tab", name="Camera").click()
    p.page.get_by_role("button", name="Start the camera").click()
    expect(p.page.locator("#camera-overlay .box").first).to_be_visible(timeout=15000)
    p.page.get_by_role("button", name="Stop the camera").click()
    expect(p.page.locator("#camera-notice")).to_be_visible()
    assert p.page.evaluate("document.querySelector('#video').srcObject") is None
    p.close()


def without_a_camera_it_says_so(open_page):
    p = open_page()
    p.page.get_by_role("tab", name="Camera").click()
    p.page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError')) }")
    p.page.get_by_role("button", name="Start the camera").click()
    expect(p.page.locator("#camera-error")).to_have_text("No camera was found. Connect one and start again.")
    p.close()


def a_key_is_asked_for_once(browser, program, shots):
    with tempfile.NamedTemporaryFile("w") as key:
        key.write("correct-horse\n")
        key.flush()
        with service(program, "--api-key-file", key.name) as address:
            p = Page(browser, address, shots)
            p.page.get_by_role("button", name="An astronaut").click()
            expect(p.page.locator("#key-dialog")).to_be_visible()
            p.shot("key", full=False)
            p.page.locator("#key").fill("correct-horse")
            p.page.keyboard.press("Enter")
            expect(p.page.locator(".face h3")).to_have_count(1)
            p.page.get_by_role("button", name="Drawn faces").click()
            expect(p.page.locator(".face h3")).to_have_count(4)
            p.close(faults=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--video", type=pathlib.Path)
    parser.add_argument("--shots", type=pathlib.Path)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    tests = [
        a_chosen_picture_is_answered_with_boxes_bars_and_words,
        pictures_may_be_dropped_and_pasted,
        a_bad_file_is_told_in_words_and_the_others_go_on,
        examples_are_a_click_away,
        a_batch_becomes_a_table_that_sorts_and_downloads,
        the_keyboard_reaches_everything,
        it_is_readable_in_the_dark_and_on_a_phone,
        the_api_page_is_readable,
        without_a_camera_it_says_so,
        *([the_camera_answers_live_and_stops] if args.video else []),
    ]
    expect.set_options(timeout=15000)
    failed = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, service(args.program) as address:
        flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        if args.video:
            flags.append(f"--use-file-for-fake-video-capture={camera_file(args.video, folder)}")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        open_page = lambda **context: Page(browser, address, args.shots, **context)
        runs = [(test, (open_page,)) for test in tests] + [(a_key_is_asked_for_once, (browser, args.program, args.shots))]
        for test, arguments in runs:
            if args.only not in test.__name__:
                continue
            try:
                test(*arguments)
                print(f"ok      {test.__name__}")
            except Exception as error:
                failed += 1
                print(f"FAILED  {test.__name__}\n{error}")
        assert urllib.request.urlopen(address + "healthz").status == 200
        browser.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
