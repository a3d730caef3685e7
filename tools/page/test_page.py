"""Drives the page of `fervor serve` in a real headless Chromium, as a person would, and leaves screenshots.

    pip install playwright axe-playwright-python opencv-python-headless pillow
    python tools/page/test_page.py target/release/fervor --video woman.mp4 --shots shots

Chromium is the system's (/usr/bin/chromium, or CHROMIUM). The camera is Chromium's fake device, fed from a video that shows a
face, which the Video tab and a report show, too; without --video those tests are left out.
"""

import argparse
import base64
import contextlib
import csv
import io
import json
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
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.outside.append(request.url) if not request.url.startswith((address, "blob:", "data:", "ws://" + address[7:])) else None)
        self.page.goto(address)

    def heard(self, message):
        # Chromium fetches the tab's icon when it pleases, also while a test has cut the network.
        if message.type == "error" and not message.location["url"].endswith("/page/icon.svg"):
            self.faults.append(f"{message.text} {message.location['url']}".strip())

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
    expect(p.page.locator("#batch-count")).to_have_text("7 of 7 pictures answered, 1 failed")
    first = lambda: p.page.locator("tbody tr .open").first.inner_text()
    p.page.get_by_role("button", name="Size").click()
    p.page.get_by_role("button", name="Size").click()
    assert first() == "5.jpg", first()
    expect(p.page.locator("th[aria-sort=descending]")).to_have_count(1)
    table = list(csv.reader(io.StringIO(downloaded(p, "Download CSV"))))
    assert table[0][:6] == ["source", "picture_width", "picture_height", "face", "x", "y"] and len(table) == 8, table
    assert all(len(row) == len(table[0]) for row in table[1:]), table
    p.accessible("a batch")
    p.shot("batch")
    p.close(faults=2)


def downloaded(p, button):
    """What a button gives to the person, as text."""
    with p.page.expect_download() as download:
        p.page.get_by_role("button", name=button).click()
    return pathlib.Path(download.value.path()).read_text()


def the_batchs_csv_is_the_command_lines(open_page, program):
    with tempfile.TemporaryDirectory() as folder:
        names = ["a.jpg", "b, c.png", "crowd.jpg", "text.jpg", "wall.png"]
        contents = [picture(size=(200, 200)), picture("PNG", (64, 64)), crowd(), b"text", wall()]
        for name, content in zip(names, contents):
            (pathlib.Path(folder) / name).write_bytes(content)
        command = [program, "predict", *names, "--format", "csv"]
        expected = subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout
        p = open_page()
        p.page.get_by_role("tab", name="Batch").click()
        p.page.set_input_files("#batch-files", [str(pathlib.Path(folder) / name) for name in names])
        expect(p.page.locator("#batch-count")).to_contain_text("5 of 5")
        said = downloaded(p, "Download CSV")
        assert said == expected, f"{said}\n{expected}"
        assert ",uncertain," in said.splitlines()[0]
        p.close(faults=1)


def crowd():
    """Many faces in a picture: copies of one, most of them small."""
    from PIL import Image

    face, image = Image.open(PHOTO).convert("RGB").crop((150, 30, 300, 210)), Image.new("RGB", (640, 480), (96, 110, 120))
    for count, side, top in ((2, 150, 8), (6, 84, 204), (10, 50, 318), (14, 36, 396)):
        for i in range(count):
            image.paste(face.resize((side, round(1.2 * side))), (8 + 632 * i // count, top))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95)
    return out.getvalue()


def wall():
    """A picture without a face."""
    from PIL import Image

    out = io.BytesIO()
    Image.linear_gradient("L").resize((300, 200)).save(out, "PNG")
    return out.getvalue()


def files_that_are_no_pictures_are_named(open_page):
    p = open_page()
    p.page.get_by_role("tab", name="Batch").click()
    p.page.set_input_files("#batch-files", [
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(size=(200, 200))},
        {"name": "without-ending", "mimeType": "", "buffer": picture(size=(220, 220))},
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"notes"},
        {"name": "film.mp4", "mimeType": "video/mp4", "buffer": b"\0\0\0\x18ftypmp42" + bytes(64)},
        {"name": "empty", "mimeType": "", "buffer": b""},
    ])
    expect(p.page.locator("#batch-count")).to_have_text("2 of 2 pictures answered, 3 files are no pictures")
    chips = p.page.locator("#batch-filters")
    chips.get_by_role("button", name=re.compile("Not pictures")).click()
    expect(p.page.locator("tbody tr:visible")).to_have_count(3)
    for name in ("notes.txt", "film.mp4", "empty"):
        expect(p.page.locator("tbody tr:visible", has_text=name)).to_contain_text("Not a picture")
    table = downloaded(p, "Download CSV").splitlines()
    assert sum(row.endswith(",not a picture") for row in table) == 3 and len(table) == 6, table
    p.shot("batch-foreign")
    p.close()


def rows_of_a_batch_are_filtered_opened_and_removed(open_page):
    p = open_page()
    p.page.get_by_role("tab", name="Batch").click()
    p.page.set_input_files("#batch-files", [
        {"name": "astronaut.jpg", "mimeType": "image/jpeg", "buffer": picture()},
        {"name": "wall.png", "mimeType": "image/png", "buffer": wall()},
        {"name": "crowd.jpg", "mimeType": "image/jpeg", "buffer": crowd()},
        {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff"},
    ])
    expect(p.page.locator("#batch-count")).to_have_text("4 of 4 pictures answered, 1 failed")
    expect(p.page.locator("#batch-sum")).to_have_text(re.compile(r"^\d+ faces: \d+ happy"))
    chip = lambda name: p.page.locator("#batch-filters").get_by_role("button", name=re.compile(name))
    shown = p.page.locator("tbody tr:visible")
    expect(chip("^All")).to_have_text("All4")
    for name, count in (("^Happy", 2), ("Several faces", 1), ("No face", 1), ("Failed", 1)):
        expect(chip(name)).to_contain_text(str(count))
        chip(name).click()
        expect(shown).to_have_count(count)
    chip("^All").click()
    expect(p.page.locator("tbody canvas")).to_have_count(3)
    p.shot("batch-filters")
    p.page.get_by_role("button", name="Remove wall.png").click()
    expect(chip("^All")).to_have_text("All3")
    expect(chip("No face")).to_have_count(0)
    p.page.get_by_role("button", name="crowd.jpg", exact=True).click()
    expect(p.page.locator("#pictures .sum").first).to_have_text(re.compile(r"^\d+ faces: \d+ happy"))
    p.page.get_by_role("tab", name="Batch").click()
    p.page.get_by_role("button", name="Clear the table").click()
    expect(p.page.locator("tbody tr")).to_have_count(0)
    expect(p.page.locator("#batch-empty")).to_be_visible()
    p.close(faults=2)


def a_crowd_is_summed_up_and_its_numbers_tie_boxes_to_rows(open_page):
    p = open_page()
    drop_or_paste(p.page, "drop", [("crowd.jpg", "image/jpeg", crowd())])
    expect(p.page.locator(".sum").first).to_have_text(re.compile(r"^\d+ faces: \d+ happy"))
    boxes = p.page.locator(".result .box")
    count = boxes.count()
    areas = [box.bounding_box()["width"] * box.bounding_box()["height"] for box in boxes.all()]
    assert count >= 20 and all(a * 1.05 >= b for a, b in zip(areas, areas[1:])), areas
    sides = [min(box.bounding_box()["width"], box.bounding_box()["height"]) for box in boxes.all()]
    expect(p.page.locator(".face .rank").first).to_have_text("1")
    small = [box for box, side in zip(boxes.all(), sides) if side < 20]
    assert small and all(box.inner_text() == "" for box in small), "small faces have a box alone"
    numbers = p.page.locator(".badge").all_inner_texts()
    assert numbers and all(number.isdigit() for number in numbers), numbers
    boxes.nth(12).click()
    expect(p.page.locator(".face.lit .rank")).to_have_text("13")
    expect(p.page.locator(".box.lit")).to_have_attribute("data-number", "13")
    assert p.page.locator(".face").count() == count
    p.shot("crowd", full=False)
    p.close()


def words_are_the_services_own(open_page, address):
    p = open_page()
    p.page.get_by_role("button", name="Drawn faces").click()
    expect(p.page.locator(".face h3")).to_have_count(3)
    drawn = urllib.request.urlopen(address + "page/drawn.jpg").read()
    answer = json.load(urllib.request.urlopen(urllib.request.Request(address + "predict", data=drawn, headers={"Content-Type": "image/jpeg"})))
    said = sorted(text.split("\n")[-1].lower() for text in p.page.locator(".face h3").all_inner_texts())
    assert said == sorted(face["words"] for face in answer["faces"]), (said, answer)
    tags = p.page.locator(".tag").all()
    words = [face["words"] for face in answer["faces"]]
    assert tags and all(re.sub(r"^\d\s+", "", tag.inner_text()) in words for tag in tags), [tag.inner_text() for tag in tags]
    places = [tag.bounding_box() for tag in tags]
    apart = lambda a, b: a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"] or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
    assert all(apart(a, b) for i, a in enumerate(places) for b in places[:i]), "no text covers another"
    p.close()


def pictures_are_removed_one_by_one_and_all_together(open_page):
    p = open_page()
    for name in ("An astronaut", "Drawn faces", "An astronaut"):
        p.page.get_by_role("button", name=name).click()
    expect(p.page.locator(".face h3")).to_have_count(5)
    expect(p.page.locator("#results-sum")).to_have_text(re.compile(r"3 pictures, 5 faces: "))
    p.page.get_by_role("button", name="Remove: drawn.jpg").click()
    expect(p.page.locator(".result")).to_have_count(2)
    p.page.get_by_role("button", name="Remove all").click()
    expect(p.page.locator(".result")).to_have_count(0)
    expect(p.page.locator("#results-bar")).to_be_hidden()
    expect(p.page.locator("#choose")).to_be_focused()
    p.close()


def the_drawn_picture_is_saved(open_page):
    from PIL import Image, ImageChops

    p = open_page()
    drop_or_paste(p.page, "drop", [("holiday.jpg", "image/jpeg", picture())])
    expect(p.page.locator(".face h3")).to_have_count(1)
    with p.page.expect_download() as download:
        p.page.get_by_role("button", name="Save the drawn picture").click()
    assert download.value.suggested_filename == "holiday-expressions.jpg"
    drawn, plain = Image.open(download.value.path()).convert("RGB"), Image.open(io.BytesIO(picture())).convert("RGB")
    assert drawn.size == plain.size
    changed = ImageChops.difference(drawn, plain).convert("L").point(lambda v: 255 * (v > 60)).histogram()[255]
    assert changed > 500, changed
    if p.shots:
        drawn.save(p.shots / "saved.jpg")
    p.page.get_by_role("button", name="Remove: holiday.jpg").click()
    drop_or_paste(p.page, "drop", [("crowd.jpg", "image/jpeg", crowd())])
    expect(p.page.locator(".sum").first).to_be_visible()
    with p.page.expect_download() as download:
        p.page.get_by_role("button", name="Save the drawn picture").click()
    if p.shots:
        download.value.save_as(p.shots / "saved-crowd.jpg")
    p.close()


def a_picture_that_browsers_cannot_show_is_shown_as_the_service_draws_it(open_page):
    p = open_page()
    drop_or_paste(p.page, "drop", [("scan.tif", "image/tiff", picture("TIFF", (300, 300)))])
    expect(p.page.locator(".face h3")).to_have_count(1)
    p.page.wait_for_function("() => document.querySelector('.frame img').naturalWidth === 300")
    with p.page.expect_download() as download:
        p.page.get_by_role("button", name="Save the drawn picture").click()
    assert download.value.suggested_filename == "scan-expressions.png"
    # It is drawn anew for what the options leave.
    before = p.page.locator(".frame img").get_attribute("src")
    p.page.locator("#choice-face").evaluate("(input) => { input.value = input.max; input.dispatchEvent(new Event('input')); }")
    expect(p.page.locator(".frame img")).not_to_have_attribute("src", before)
    p.close()


def small_and_doubtful_faces_can_be_left_out(open_page):
    p = open_page()
    drop_or_paste(p.page, "drop", [("crowd.jpg", "image/jpeg", crowd())])
    expect(p.page.locator(".sum").first).to_be_visible()
    all_faces = p.page.locator(".result .box").count()
    p.page.get_by_text("Options").click()
    p.page.locator("#choice-face").fill("28")
    expect(p.page.locator("#choice-face-value")).to_have_text("28 pixels")
    expect(p.page.locator(".facts header")).to_contain_text("left out (Options)")
    large = p.page.locator(".result .box").count()
    assert 0 < large < all_faces, (large, all_faces)
    expect(p.page.locator(".sum").first).to_contain_text(f"{large} faces")
    p.page.locator("#choice-score").fill("100")
    expect(p.page.locator(".result .box")).to_have_count(0)
    p.accessible("the options")
    p.shot("options", full=False)
    p.page.get_by_role("button", name="Show all faces").click()
    expect(p.page.locator(".result .box")).to_have_count(all_faces)
    p.close()


def every_word_has_its_help(open_page):
    p = open_page()
    p.page.get_by_text("What the words mean").click()
    for word in ("confidence", "uncertain", "detection score", "small", "doubtful", "profile", "blurred", "dark", "flat", "cut off"):
        expect(p.page.locator("#help dt", has_text=word).first).to_be_visible()
    p.accessible("the help")
    p.shot("help")
    p.close()


def a_model_is_chosen_where_there_are_several(browser, program, shots):
    with service(program, "--model", "fervor-48", "--model", "fervor-nano") as address:
        p = Page(browser, address, shots)
        p.page.get_by_role("button", name="An astronaut").click()
        expect(p.page.locator(".facts .name").first).to_contain_text("fervor-48")
        p.page.get_by_text("Options").click()
        p.page.get_by_label("Model").select_option("fervor-nano")
        expect(p.page.locator(".facts .name").first).to_contain_text("fervor-nano")
        expect(p.page.locator("#choice-summary")).to_contain_text("fervor-nano")
        p.accessible("the choice of a model")
        p.shot("models", full=False)
        p.close()


def the_examples_of_the_api_run(browser, program, shots):
    """Each example as it stands on the page, in a folder with a photo.jpg: the address is this service's own."""
    with tempfile.TemporaryDirectory() as folder, service(program) as address:
        p = Page(browser, address, shots)
        (pathlib.Path(folder) / "photo.jpg").write_bytes(picture())
        (pathlib.Path(folder) / "photos").mkdir()
        (pathlib.Path(folder) / "photos" / "a b.jpg").write_bytes(picture(size=(200, 200)))
        p.page.goto(address + "api")
        examples = {block.get_attribute("data-example"): block.inner_text() for block in p.page.locator("[data-example]").all()}
        assert address[:-1] in examples["curl"], examples["curl"]
        runners = {"python": [sys.executable, "-c"], "javascript": ["node", "--input-type=module", "-e"]}
        for name, text in examples.items():
            run = subprocess.run([*runners.get(name, ["bash", "-ec"]), text], cwd=folder, capture_output=True, text=True)
            assert run.returncode == 0 and ("happy" in run.stdout), (name, run.stdout, run.stderr)
        print(f"  ran: {', '.join(examples)}")
        p.close()


def a_page_of_another_site_is_refused(browser, program, shots):
    """A form of another origin that a browser sends by itself, and a name that its owner lets lead here."""
    with service(program) as address, service(program) as other:
        p = Page(browser, address, shots)
        p.outside.clear()
        p.page.goto(other)
        status = p.page.evaluate(
            """async (address) => {
              const form = new FormData();
              form.append("image", new File(["x"], "a.jpg"));
              await fetch(address + "predict", { method: "POST", body: form, mode: "no-cors" }).catch(() => 0);
            }""",
            address,
        )
        counted = urllib.request.urlopen(address + "metrics").read().decode()
        assert 'route="/predict",method="POST",status="200"' not in counted, counted
        p.context.close()


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
    expect(p.page.locator("#choices summary")).to_be_focused()
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
    for tab in ("Pictures", "Camera", "Video", "Batch"):
        p.page.get_by_role("tab", name=tab).click()
        wide = p.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 375, (tab, wide)
        p.shot(f"phone-{tab.lower()}")
    drop_or_paste(p.page, "drop", [("crowd.jpg", "image/jpeg", crowd()), ("wall.png", "image/png", wall()), ("notes.txt", "text/plain", b"x")])
    expect(p.page.locator("#batch-count")).to_contain_text("2 of 2")
    wide = p.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 375, wide
    p.shot("phone-batch-rows")
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
    p.page.get_by_role("button", name="Record a table").click()
    expect(p.page.locator("#camera-record")).to_have_text(re.compile(r"Stop recording \([3-9] frames\)"))
    table = list(csv.DictReader(io.StringIO(downloaded(p, "Stop recording"))))
    times = [float(row["time_s"]) for row in table]
    assert len(table) >= 3 and times == sorted(times) and table[0]["source"] == "camera" and table[0]["track"], table
    p.page.get_by_role("button", name="Take a photograph").click()
    expect(p.page.locator("#pictures .face h3").first).to_be_visible()
    p.page.get_by_role("tab", name="Camera").click()
    p.page.get_by_role("button", name="Start the camera").click()
    expect(p.page.locator("#camera-overlay .box").first).to_be_visible(timeout=15000)
    p.page.get_by_role("button", name="Stop the camera").click()
    expect(p.page.locator("#camera-notice")).to_be_visible()
    assert p.page.evaluate("document.querySelector('#video').srcObject") is None
    p.close()


def a_film_is_looked_at_as_on_the_command_line(open_page, program, video):
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "video", str(video), "--output", folder, "--format", "csv", "--fps", "5", "--look", "0"]
        subprocess.run(command, check=True, capture_output=True)
        expected = list(csv.DictReader(open(pathlib.Path(folder) / "frames.csv")))
    p = open_page()
    p.page.get_by_role("tab", name="Video").click()
    p.accessible("the Video tab before")
    p.page.set_input_files("#film-choose", str(video))
    expect(p.page.locator("#film-bar")).to_be_visible()
    expect(p.page.locator("#film-sum")).to_have_text(re.compile(r"^\d+ frames, \d+ faces?"), timeout=120000)
    said = list(csv.DictReader(io.StringIO(downloaded(p, "Download CSV"))))
    # The browser decodes and shrinks for itself, so that answers are near, not equal.
    assert list(said[0]) == list(expected[0]) and abs(len(said) - len(expected)) <= 1, (len(said), len(expected))
    pairs = [(a, b) for a, b in zip(said, expected) if a["track"] and b["track"]]
    assert len(pairs) > 0.9 * len(expected)
    classes = [name for name in expected[0] if name.startswith("s_")]
    far = [max(abs(float(a[name]) - float(b[name])) for name in classes) for a, b in pairs]
    print(f"  film: smoothed probabilities differ by {sum(far) / len(far):.3f} in the mean, {max(far):.3f} at most")
    assert sum(far) / len(far) < 0.1, far
    p.page.locator("#film-lanes .lane-body").nth(1).click()
    p.page.wait_for_function("() => { const v = document.querySelector('#film-player'); return Math.abs(v.currentTime / v.duration - 0.5) < 0.02 }")
    expect(p.page.locator("#film-overlay .box").first).to_be_visible()
    p.accessible("a film")
    p.shot("film")
    p.page.locator("#film-rate").select_option("25")
    p.page.set_input_files("#film-choose", str(video))
    # Of the second look, which has more frames: some are answered.
    expect(p.page.locator("#film-count")).to_have_text(re.compile(r"^[1-9]\d* of \d{3,}"), timeout=60000)
    p.page.get_by_role("button", name="Stop").last.click()
    expect(p.page.locator("#film-sum")).to_have_text(re.compile(r"^\d+ frames of \d+"))
    p.page.set_input_files("#film-choose", {"name": "broken.mp4", "mimeType": "video/mp4", "buffer": bytes(64)})
    expect(p.page.locator("#film-error")).to_contain_text("This browser cannot play broken.mp4")
    p.close(faults=1)


def the_report_of_a_film_opens_from_the_disk(browser, program, video, shots):
    """Plays, draws, jumps, in the light and in the dark; and says so where the film is gone."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([program, "video", str(video), "--output", str(folder), "--copy"], check=True, capture_output=True)
        address = (folder / "report.html").as_uri()
        for scheme, size in (("light", (1280, 900)), ("dark", (390, 844))):
            p = Page(browser, address, shots, color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
            p.outside = [url for url in p.outside if not url.startswith("file:")]
            p.page.wait_for_function("() => document.querySelector('#video').videoWidth > 0")
            times = p.page.locator("#episodes .jump")
            assert times.count() >= 3
            times.nth(1).click()
            onset, apex = (p.page.locator("#episodes tbody tr").first.locator("td").nth(i).inner_text() for i in (2, 3))
            minutes, seconds = apex.split(":")
            p.page.wait_for_function("(time) => Math.abs(document.querySelector('#video').currentTime - time) < 0.02", arg=60 * int(minutes) + float(seconds))
            expect(p.page.locator("#episodes tr.playing")).to_have_count(1)
            expect(p.page.locator("#faces h3").first).to_have_text(re.compile("Looks|Perhaps"))
            before = p.page.locator("#time").inner_text()
            p.page.keyboard.press("Escape")
            p.page.locator("#forth").click()
            expect(p.page.locator("#time")).not_to_have_text(before)
            assert p.page.evaluate("document.documentElement.scrollWidth") <= size[0]
            p.page.wait_for_timeout(400)
            p.accessible(f"a report, {scheme}")
            p.shot(f"report-{scheme}")
            p.outside = [url for url in p.outside if not url.startswith("file:")]
            p.close()
        (folder / video.name).unlink()
        p = Page(browser, address, shots)
        expect(p.page.locator("#notice")).to_contain_text("This browser cannot show")
        p.page.locator(".lane-body").nth(1).click()
        expect(p.page.locator("#faces h3").first).to_be_visible()
        p.outside = [url for url in p.outside if not url.startswith("file:")]
        p.close(faults=1)


def without_a_camera_it_says_so(open_page):
    p = open_page()
    p.page.get_by_role("tab", name="Camera").click()
    p.page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError')) }")
    p.page.get_by_role("button", name="Start the camera").click()
    expect(p.page.locator("#camera-error")).to_have_text("No camera was found. Connect one and start again.")
    p.close()


@contextlib.contextmanager
def locked_service(program):
    """A service whose key is "correct-horse"."""
    with tempfile.NamedTemporaryFile("w") as key:
        key.write("correct-horse\n")
        key.flush()
        with service(program, "--api-key-file", key.name) as address:
            yield address


def a_key_is_asked_for_once(browser, program, shots):
    with locked_service(program) as address:
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


MANY = """async ([key, picture]) => {
  const { Client } = await import("/page/client.js");
  let asked = 0;
  const client = new Client({ askKey: async () => { asked += 1; await new Promise((go) => setTimeout(go, 100)); return key; } });
  const good = await (await fetch(picture)).blob();
  const bad = new File(["words"], "words.txt");
  const [row, rows, alone] = await Promise.all([client.predict(good), client.predictAll([bad, ...Array(65).fill(good)]), client.predictAll([bad])]);
  const large = await client.predictAll([good, new Blob([new Uint8Array(85 << 20)]), good]);
  const told = [];
  const live = await client.live({ onAnswer: ({ faces }) => told.push(faces.length), onError: (error) => told.push(error.message) });
  live.push(document.createElement("video"));
  live.push(await createImageBitmap(good));
  while (!told.length) await new Promise((go) => setTimeout(go, 20));
  live.stop();
  return { asked, told, last: rows.at(-1).source, large: large.map((row) => row.error?.reason ?? row.faces.length), words: row.words, rows: rows.length, answered: rows.filter((row) => row.error === null).length, first: rows[0].error.reason, alone: alone[0] };
}"""


def the_client_asks_once_for_the_key_and_takes_any_number_of_pictures(browser, program, shots):
    with locked_service(program) as address:
        p = Page(browser, address, shots)
        told = p.page.evaluate(MANY, ["correct-horse", "page/astronaut.jpg"])
    assert told["asked"] == 1 and told["words"].startswith("looks happy"), told
    assert (told["rows"], told["answered"], told["first"]) == (66, 65, "not_a_picture"), told
    assert (told["last"], told["large"], told["told"]) == ("picture 66", [1, "too_large", 1], [1]), told
    assert told["alone"]["error"]["reason"] == "not_a_picture" and told["alone"]["source"] == "words.txt", told


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
        files_that_are_no_pictures_are_named,
        rows_of_a_batch_are_filtered_opened_and_removed,
        a_crowd_is_summed_up_and_its_numbers_tie_boxes_to_rows,
        pictures_are_removed_one_by_one_and_all_together,
        the_drawn_picture_is_saved,
        a_picture_that_browsers_cannot_show_is_shown_as_the_service_draws_it,
        small_and_doubtful_faces_can_be_left_out,
        every_word_has_its_help,
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
        own = [a_key_is_asked_for_once, the_client_asks_once_for_the_key_and_takes_any_number_of_pictures, a_model_is_chosen_where_there_are_several, the_examples_of_the_api_run, a_page_of_another_site_is_refused]
        runs = [(test, (open_page,)) for test in tests] + [(test, (browser, args.program, args.shots)) for test in own]
        runs += [(the_batchs_csv_is_the_command_lines, (open_page, args.program)), (words_are_the_services_own, (open_page, address))]
        if args.video:
            runs += [(a_film_is_looked_at_as_on_the_command_line, (open_page, args.program, args.video.resolve()))]
            runs += [(the_report_of_a_film_opens_from_the_disk, (browser, args.program, args.video.resolve(), args.shots))]
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
