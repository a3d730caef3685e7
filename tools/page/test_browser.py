"""The page where everything is computed in the browser: as a folder on any web server, and as the switch of `fervor serve`. In a real
headless Chromium, as a person would; leaves screenshots.

    pip install playwright axe-playwright-python opencv-python-headless pillow
    cargo xtask web
    python tools/page/test_browser.py target/release/fervor --package target/npm/fervor-web --shots shots

The camera is Chromium's fake device, fed from a film that is drawn here of the example's photograph.
"""

import argparse
import contextlib
import csv
import functools
import http.server
import io
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request

from playwright.sync_api import expect, sync_playwright
from test_page import CHROMIUM, PHOTO, Page, crowd, downloaded, drop_or_paste, picture, service, wall


def film(folder):
    """A film of a face that moves to and fro, as Motion JPEG, which Chromium's fake camera plays."""
    import cv2

    photo, path = cv2.imread(str(PHOTO)), pathlib.Path(folder) / "camera.mjpeg"
    with open(path, "wb") as out:
        for i in range(60):
            left = 40 + 2 * abs(30 - i)
            frame = cv2.resize(photo[20:260, left : left + 320], (640, 480), interpolation=cv2.INTER_AREA)
            out.write(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return path


class Files(http.server.SimpleHTTPRequestHandler):
    """A web server that knows nothing of Fervor. The page lies under an address of its own."""

    asked = []

    def translate_path(self, path):
        return super().translate_path(path.removeprefix("/some/where"))

    def log_message(self, *_):
        Files.asked.append(self.path)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A browser that ends leaves connections behind."""


@contextlib.contextmanager
def static(folder):
    server = Server(("127.0.0.1", 0), functools.partial(Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/some/where/"
    server.shutdown()


CONTROLLED = """navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller
  || new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done))).then(() => true)"""


def asked_since(before):
    """What was asked of the server; not what browsers ask when they please: whether the service worker is still the same, and the icon of
    the tab, which they fetch past the page and its service worker, on a busy machine long after the page is there."""
    return [path for path in Files.asked[before:] if not path.endswith(("/offline.js", "/page/icon.svg"))]


def ready(p):
    expect(p.page.locator("#where-state")).to_contain_text("nothing leaves this device")


def rows_agree(said, expected):
    """Tables with the same words, and numbers that are as close as other arithmetic comes."""
    said, expected = (list(csv.reader(io.StringIO(text))) for text in (said, expected))
    assert said[0] == expected[0] and len(said) == len(expected), (said[:2], expected[:2])
    for one, other in zip(said[1:], expected[1:]):
        for column, a, b in zip(said[0], one, other):
            number = re.fullmatch(r"-?\d+(\.\d+)?", a) and re.fullmatch(r"-?\d+(\.\d+)?", b)
            assert abs(float(a) - float(b)) < (0.05 if column in ("x", "y", "width", "height") else 1e-3) if number else a == b, (column, a, b)


def a_folder_on_any_server_answers_pictures(open_static):
    p = open_static()
    ready(p)
    expect(p.page.locator("#where-choice")).to_be_hidden()
    p.page.set_input_files("#choose", str(PHOTO))
    expect(p.page.locator(".face h3").first).to_have_text(re.compile(r"Looks happy, \d\d %"))
    expect(p.page.locator("#limits")).to_contain_text("none leaves this device")
    expect(p.page.locator("#about")).to_contain_text("model fervor-nano")
    p.accessible("an answer of the browser")
    p.shot("static")
    p.page.get_by_role("button", name="Drawn faces").click()
    expect(p.page.locator(".face h3")).to_have_count(4)
    drop_or_paste(p.page, "drop", [("notes.jpg", "image/jpeg", b"these are notes"), ("a.tif", "image/tiff", picture("TIFF"))])
    expect(p.page.locator(".result.failed .error")).to_have_text("Not a picture, but text. Fervor reads JPEG, PNG, BMP, WebP, GIF and TIFF.")
    expect(p.page.locator(".face h3")).to_have_count(5)
    expect(p.page.locator(".result:first-child .frame img, .result:nth-child(2) .frame img").last).to_have_js_property("naturalWidth", 512)
    p.shot("static-several")
    p.close(faults=2)


def another_model_is_loaded_on_request(open_static):
    p = open_static()
    ready(p)
    p.page.get_by_role("button", name="An astronaut").click()
    expect(p.page.locator(".result .name").first).to_contain_text("fervor-nano")
    p.page.locator("#choices summary").click()
    p.page.select_option("#choice-model", "fervor-48")
    expect(p.page.locator(".result .name").first).to_contain_text("fervor-48", timeout=30000)
    p.shot("static-options")
    p.close()


def its_table_is_the_command_lines(open_static, program):
    with tempfile.TemporaryDirectory() as folder:
        names = ["a.jpg", "b, c.png", "crowd.jpg", "text.jpg", "wall.png"]
        for name, content in zip(names, [picture(size=(200, 200)), picture("PNG", (64, 64)), crowd(), b"text", wall()]):
            (pathlib.Path(folder) / name).write_bytes(content)
        command = [program, "predict", *names, "--model", "fervor-nano", "--format", "csv"]
        expected = subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout
        p = open_static()
        ready(p)
        p.page.get_by_role("tab", name="Batch").click()
        p.page.set_input_files("#batch-files", [str(pathlib.Path(folder) / name) for name in names])
        expect(p.page.locator("#batch-count")).to_contain_text("5 of 5")
        rows_agree(downloaded(p, "Download CSV"), expected)
        p.shot("static-batch")
        p.close(faults=1)


def it_opens_without_a_network(open_static):
    p = open_static()
    ready(p)
    p.page.evaluate(CONTROLLED)
    errors = p.context.new_cdp_session(p.page).send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert not [error for error in errors if error["errorId"] != "in-incognito"], errors
    before = len(Files.asked)
    p.context.set_offline(True)
    p.page.reload()
    ready(p)
    p.page.get_by_role("button", name="An astronaut").click()
    expect(p.page.locator(".face h3")).to_have_text(re.compile(r"Looks happy"))
    assert not asked_since(before), asked_since(before)
    p.context.set_offline(False)
    p.close()


def the_camera_is_answered_here(open_static):
    p = open_static(permissions=["camera"])
    ready(p)
    p.page.evaluate(CONTROLLED)
    p.page.get_by_role("tab", name="Camera").click()
    expect(p.page.locator("#camera-notice")).to_contain_text("nothing leaves this device")
    p.shot("static-camera-off")
    before = len(Files.asked)
    p.page.get_by_role("button", name="Start the camera").click()
    expect(p.page.locator("#camera-overlay .box").first).to_be_visible(timeout=20000)
    expect(p.page.locator("#camera-words")).to_have_text(re.compile("Looks happy"))
    p.page.locator("#smoothing").fill("1")
    p.page.wait_for_timeout(6000)
    rate, delay = (p.page.locator(f"#stat-{name}").inner_text() for name in ("rate", "delay"))
    print(f"  camera in the browser: {rate}, {delay} from picture to answer")
    p.shot("static-camera")
    p.page.get_by_role("button", name="Stop the camera").click()
    assert not asked_since(before), asked_since(before)
    p.close()


def it_is_readable_in_the_dark_and_on_a_phone(open_static):
    p = open_static(color_scheme="dark")
    ready(p)
    p.page.get_by_role("button", name="Drawn faces").click()
    expect(p.page.locator(".face h3")).to_have_count(3)
    p.accessible("in the dark")
    p.shot("static-dark")
    p.close()
    p = open_static(viewport={"width": 375, "height": 720}, device_scale_factor=2, has_touch=True)
    ready(p)
    p.page.get_by_role("button", name="An astronaut").click()
    expect(p.page.locator(".face h3")).to_have_count(1)
    for tab in ("Pictures", "Camera", "Batch"):
        p.page.get_by_role("tab", name=tab).click()
        assert p.page.evaluate("document.documentElement.scrollWidth") <= 375, tab
        p.shot(f"static-phone-{tab.lower()}")
    p.accessible("on a phone")
    p.close()


def the_service_offers_both_and_says_which(open_served, address):
    p = open_served()
    expect(p.page.locator("#where-state")).to_contain_text("Computed on the server")
    expect(p.page.get_by_label("On the server")).to_be_checked()
    p.accessible("the switch")
    p.page.get_by_role("button", name="An astronaut").click()
    expect(p.page.locator(".face h3")).to_have_count(1)
    p.shot("switch-server")
    p.page.get_by_text("In this browser").first.click()
    ready(p)
    # What is shown is answered again, by who answers now.
    expect(p.page.locator(".result .name").first).to_contain_text("fervor-nano")
    p.page.wait_for_timeout(300)
    count = lambda: re.search(r"^fervor_pictures_total\S* (\d+)", metrics(address), re.M)
    before, sent = count(), []
    # Chromium takes the page's icon from its cache anew whenever the address changes; that is all.
    own = lambda url: url.startswith(("blob:", "data:")) or url.endswith("/page/icon.svg")
    p.page.on("request", lambda request: None if own(request.url) else sent.append(request.url))
    p.page.set_input_files("#choose", str(PHOTO))
    expect(p.page.locator(".face h3")).to_have_count(2)
    p.page.get_by_role("tab", name="Batch").click()
    p.page.set_input_files("#batch-files", [str(PHOTO)])
    expect(p.page.locator("#batch-count")).to_contain_text("1 of 1")
    p.page.get_by_role("tab", name="Camera").click()
    p.page.get_by_role("button", name="Start the camera").click()
    expect(p.page.locator("#camera-overlay .box").first).to_be_visible(timeout=20000)
    p.page.get_by_role("button", name="Stop the camera").click()
    p.page.get_by_role("tab", name="Pictures").click()
    p.shot("switch-browser")
    assert not sent, sent
    after = count()
    assert (before and before[1]) == (after and after[1]), (before, after)
    # And with the network cut: the examples, too.
    p.context.set_offline(True)
    p.page.get_by_role("button", name="Drawn faces").click()
    expect(p.page.locator(".face h3")).to_have_count(5)
    p.context.set_offline(False)
    # The choice is kept, and can be taken back.
    p.page.reload()
    ready(p)
    p.page.get_by_text("On the server").first.click()
    expect(p.page.locator("#where-state")).to_contain_text("Computed on the server")
    p.page.get_by_role("button", name="An astronaut").click()
    expect(p.page.locator(".face h3")).to_have_count(1)
    p.close()


def posts(p):
    """What is sent from now on."""
    sent = []
    p.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    p.page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(socket.url)))
    return sent


# What the page's home says of itself comes late.
LATE = """const { fetch } = window;
window.fetch = async (what, ...rest) => {
  if (String(what).includes("about.json")) await new Promise((wake) => setTimeout(wake, 2000));
  return fetch(what, ...rest);
};"""


def nothing_is_sent_where_the_browser_cannot_compute(open_static):
    p = open_static(service_workers="block")
    ready(p)
    p.context.route("**/*.wasm", lambda route: route.fulfill(status=404))
    sent = posts(p)
    p.page.reload()
    p.page.set_input_files("#choose", str(PHOTO))
    expect(p.page.locator("#where-state")).to_contain_text("Nothing is sent")
    expect(p.page.locator(".result.failed .error")).to_be_visible()
    expect(p.page.locator("#limits")).to_contain_text("none leaves this device")
    assert not sent, sent
    p.shot("static-cannot")
    p.context.close()


def a_picture_waits_until_it_is_decided_who_computes(open_static, open_served):
    for page, kept in ((open_static, None), (open_served, "browser")):
        p = page(service_workers="block")
        if kept:
            p.page.evaluate("localStorage.setItem('fervor.where', 'browser')")
        p.context.add_init_script(LATE)
        sent = posts(p)
        p.page.reload()
        p.page.set_input_files("#choose", str(PHOTO))
        expect(p.page.locator(".face h3")).to_have_text(re.compile("Looks happy"), timeout=30000)
        ready(p)
        assert not sent, sent
        p.context.close()


def what_was_looked_at_here_is_never_sent(open_served, film):
    p = open_served()
    p.page.get_by_text("In this browser").first.click()
    ready(p)
    p.page.set_input_files("#choose", str(PHOTO))
    expect(p.page.locator(".face h3")).to_have_count(1)
    p.page.get_by_role("tab", name="Batch").click()
    p.page.set_input_files("#batch-files", [str(PHOTO)])
    expect(p.page.locator("#batch-count")).to_contain_text("1 of 1")
    sent = posts(p)
    p.page.get_by_text("On the server").first.click()
    expect(p.page.locator("#where-state")).to_contain_text("Computed on the server")
    # Also where it is opened anew.
    p.page.locator("#batch-table button.open").click()
    expect(p.page.locator(".face h3")).to_have_count(2)
    p.page.wait_for_timeout(300)
    assert not sent, sent
    # And a film that goes to the server stops where this browser is chosen.
    p.page.get_by_role("tab", name="Video").click()
    p.page.locator("#film-rate").evaluate("(select) => { select.value = [...select.options].at(-1).value; }")
    p.page.set_input_files("#film-choose", str(film))
    expect(p.page.locator("#film-count")).to_contain_text(re.compile(r"[1-9]\d* of"), timeout=30000)
    p.page.get_by_text("In this browser").first.click()
    expect(p.page.locator("#film-error")).to_contain_text("somebody else computes")
    count = len(sent)
    p.page.wait_for_timeout(500)
    assert count and len(sent) == count, (count, len(sent))
    p.page.context.close()


def what_is_on_its_way_ends_where_this_browser_is_chosen(open_served):
    p = open_served(service_workers="block")
    expect(p.page.locator("#where-state")).to_contain_text("Computed on the server")
    p.page.route("**/predict*", lambda route: None)
    ended = []
    p.page.on("requestfailed", lambda request: ended.append(request.url))
    p.page.set_input_files("#choose", str(PHOTO))
    p.page.get_by_role("tab", name="Batch").click()
    p.page.set_input_files("#batch-files", [str(PHOTO)])
    p.page.wait_for_timeout(500)
    p.page.get_by_text("In this browser").first.click()
    expect(p.page.locator("#batch-count")).to_contain_text("1 of 1")
    p.page.get_by_role("tab", name="Pictures").click()
    expect(p.page.locator(".face h3")).to_have_text(re.compile("Looks happy"))
    assert len([url for url in ended if "predict" in url]) == 2, ended
    p.context.close()


def a_camera_that_is_not_wanted_any_more_goes_out(open_static):
    p = open_static(permissions=["camera"])
    ready(p)
    p.page.evaluate("""() => {
      globalThis.tracks = [];
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (what) => {
        await new Promise((wake) => setTimeout(wake, 400));
        const stream = await ask(what);
        tracks.push(...stream.getTracks());
        return stream;
      };
    }""")
    states = lambda: p.page.evaluate("tracks.map((track) => track.readyState)")
    p.page.get_by_role("tab", name="Camera").click()
    p.page.get_by_role("button", name="Start the camera").dblclick()
    expect(p.page.locator("#camera-overlay .box").first).to_be_visible(timeout=20000)
    assert sorted(states()) == ["ended", "live"], states()
    expect(p.page.locator("#camera-error")).to_be_hidden()
    p.page.get_by_role("button", name="Stop the camera").click()
    p.page.get_by_role("button", name="Start the camera").click()
    p.page.get_by_role("tab", name="Pictures").click()
    p.page.wait_for_timeout(900)
    assert set(states()) == {"ended"}, states()
    p.close()


def a_card_that_failed_is_answered_again(open_static):
    p = open_static()
    ready(p)
    p.page.evaluate(CONTROLLED)
    drop_or_paste(p.page, "drop", [("a.tif", "image/tiff", picture("TIFF")), ("a.jpg", "image/jpeg", picture())])
    expect(p.page.locator(".face h3")).to_have_count(2)
    p.context.set_offline(True)
    p.page.locator("#choices summary").click()
    p.page.select_option("#choice-model", "fervor-48")
    expect(p.page.locator(".result.failed .error")).to_have_count(2)
    expect(p.page.locator(".result.failed .error").first).to_contain_text("online")
    p.page.select_option("#choice-model", "fervor-nano")
    expect(p.page.locator(".face h3")).to_have_count(2)
    expect(p.page.locator(".result.failed")).to_have_count(0)
    expect(p.page.locator(".frame img").first).to_be_visible()
    p.context.set_offline(False)
    # Boxes follow the options, also over what browsers cannot show.
    p.page.locator("#choice-face").evaluate("(input) => { input.value = input.max; input.dispatchEvent(new Event('input')); }")
    expect(p.page.locator(".frame .box")).to_have_count(0)
    p.shot("static-again")
    p.close()


def two_pages_of_one_site_open_without_a_network(browser, address, shots):
    other = address.replace("/some/where/", "/")
    p = Page(browser, address, shots)
    ready(p)
    p.page.evaluate(CONTROLLED)
    second = p.context.new_page()
    second.goto(other)
    expect(second.locator("#where-state")).to_contain_text("nothing leaves this device")
    second.evaluate(CONTROLLED)
    p.context.set_offline(True)
    p.page.reload()
    ready(p)
    p.context.set_offline(False)
    p.context.close()


def one_file_opens_from_a_folder_and_reaches_nothing(browser, program, package, shots):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "fervor.html"
        subprocess.run([program, "page", str(file), *package], check=True)
        p = Page(browser, file.as_uri(), shots)
        ready(p)
        p.page.get_by_role("button", name="An astronaut").click()
        expect(p.page.locator(".face h3")).to_have_text(re.compile(r"Looks happy"))
        p.page.set_input_files("#choose", str(PHOTO))
        expect(p.page.locator(".face h3")).to_have_count(2)
        p.page.get_by_role("tab", name="Batch").click()
        p.page.set_input_files("#batch-files", [str(PHOTO)])
        expect(p.page.locator("#batch-count")).to_contain_text("1 of 1")
        p.page.get_by_role("tab", name="Pictures").click()
        p.shot("single")
        p.close()


def the_film_is_looked_at_here(open_static, film):
    p = open_static()
    ready(p)
    p.page.evaluate(CONTROLLED)
    p.page.get_by_role("tab", name="Video").click()
    before = len(Files.asked)
    p.page.set_input_files("#film-choose", str(film))
    expect(p.page.locator("#film-sum")).to_contain_text("frames", timeout=60000)
    expect(p.page.locator("#film-sum")).to_contain_text("1 face")
    table = list(csv.DictReader(io.StringIO(downloaded(p, "Download CSV"))))
    assert table and {row["label"] for row in table} == {"happy"} and {row["track"] for row in table} == {"1"}, table[:3]
    assert [float(row["time_s"]) for row in table] == sorted(float(row["time_s"]) for row in table)
    assert not asked_since(before), asked_since(before)
    p.shot("static-film")
    p.close()


def webm(folder):
    """The same film as a file that Chromium plays."""
    import cv2

    path = pathlib.Path(folder) / "film.webm"
    photo, writer = cv2.imread(str(PHOTO)), cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"VP80"), 10, (640, 480))
    for i in range(20):
        writer.write(cv2.resize(photo[20:260, 40 + 2 * i : 360 + 2 * i], (640, 480), interpolation=cv2.INTER_AREA))
    writer.release()
    return path


def metrics(address):
    return urllib.request.urlopen(address + "metrics").read().decode()


def without_a_package_there_is_no_switch(browser, program, shots):
    with service(program) as address:
        p = Page(browser, address, shots)
        expect(p.page.locator("#limits")).to_contain_text("MiB")
        expect(p.page.locator("#where")).to_be_hidden()
        p.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--package", default="target/npm/fervor-web")
    parser.add_argument("--inside", action="store_true", help="the program holds the package, as those of `cargo xtask static` do")
    parser.add_argument("--shots", type=pathlib.Path)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    args.program = str(pathlib.Path(args.program).resolve())
    package = [] if args.inside else ["--package", str(pathlib.Path(args.package).resolve())]
    expect.set_options(timeout=20000)
    failed = passed = 0
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subprocess.run([args.program, "page", str(folder / "page"), *package], check=True)
        playwright = stack.enter_context(sync_playwright())
        address = stack.enter_context(static(folder / "page"))
        served = stack.enter_context(service(args.program, *package))
        flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        flags.append(f"--use-file-for-fake-video-capture={film(folder)}")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        open_static = lambda **context: Page(browser, address, args.shots, **context)
        open_served = lambda **context: Page(browser, served, args.shots, permissions=["camera"], **context)
        runs = [
            (a_folder_on_any_server_answers_pictures, (open_static,)),
            (another_model_is_loaded_on_request, (open_static,)),
            (its_table_is_the_command_lines, (open_static, args.program)),
            (it_opens_without_a_network, (open_static,)),
            (the_camera_is_answered_here, (open_static,)),
            (it_is_readable_in_the_dark_and_on_a_phone, (open_static,)),
            (the_service_offers_both_and_says_which, (open_served, served)),
            (nothing_is_sent_where_the_browser_cannot_compute, (open_static,)),
            (a_picture_waits_until_it_is_decided_who_computes, (open_static, open_served)),
            (what_was_looked_at_here_is_never_sent, (open_served, webm(folder))),
            (what_is_on_its_way_ends_where_this_browser_is_chosen, (open_served,)),
            (a_camera_that_is_not_wanted_any_more_goes_out, (open_static,)),
            (a_card_that_failed_is_answered_again, (open_static,)),
            (two_pages_of_one_site_open_without_a_network, (browser, address, args.shots)),
            (without_a_package_there_is_no_switch, (browser, args.program, args.shots)),
            (one_file_opens_from_a_folder_and_reaches_nothing, (browser, args.program, package, args.shots)),
            (the_film_is_looked_at_here, (open_static, webm(folder))),
        ]
        for test, arguments in runs:
            if args.only not in test.__name__ or (args.inside and test is without_a_package_there_is_no_switch):
                continue
            try:
                test(*arguments)
                passed += 1
                print(f"ok      {test.__name__}")
            except Exception as error:
                failed += 1
                print(f"FAILED  {test.__name__}\n{error}")
        browser.close()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
