"""`fervor serve` and the Flask application of tools/reference, side by side: start-up, speed, memory.

    python tools/service/compare.py target/release/fervor system-a.onnx photo-128.jpg photo-1080p.jpg

`system-a.onnx` is a bundle of recipes/system-a.toml, the same network that the application has; with `--faces whole` both do
the same work: decode, shrink to 128 x 128, classify. The two take turns in every measurement.
"""

import argparse
import asyncio
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import load

HERE = pathlib.Path(__file__).resolve().parent


class Service:
    def __init__(self, name, command, port, **environment):
        self.name, self.url = name, f"http://127.0.0.1:{port}"
        start = time.perf_counter()
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        while True:
            try:
                urllib.request.urlopen(self.url + "/", timeout=60).read()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.002)
        self.start_up = time.perf_counter() - start

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=30)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("fervor")
    parser.add_argument("bundle")
    parser.add_argument("small")
    parser.add_argument("large")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--soak", type=int, default=0, help="also send so many small pictures and tell the memory")
    args = parser.parse_args()
    gunicorn = [str(pathlib.Path(sys.executable).parent / "gunicorn"), "-w", "2", "--threads", "4", "--chdir", str(HERE.parent / "reference")]
    fervor = [args.fervor, "serve", "--port"]
    services = [
        Service("fervor, the same network", [*fervor, "8401", "--model", args.bundle, "--faces", "whole"], 8401, FERVOR_LOG="warn"),
        Service("fervor, faces and all", [*fervor, "8402"], 8402, FERVOR_LOG="warn"),
        Service("flask, compiled call", [*gunicorn, "-b", "127.0.0.1:8403", "flask_app:app"], 8403),
        Service("flask, model.predict", [*gunicorn, "-b", "127.0.0.1:8404", "flask_app:app"], 8404, MODEL_CALL="predict"),
    ]
    try:
        for service in services:
            print(f"{service.name:<28} start-up {1000 * service.start_up:7.0f} ms   memory {load.memory(service.process.pid):7.1f} MiB")
        for picture in (args.small, args.large):
            data = load.request(load.form(pathlib.Path(picture).read_bytes()))
            for connections in args.connections:
                print(f"\n{pathlib.Path(picture).name}, {connections} connections; load of the machine {os.getloadavg()[0]:.1f}")
                for service in services:
                    asyncio.run(load.hammer(service.url, 2, data, count=10))
                    before = load.processor(service.process.pid)
                    result = asyncio.run(load.hammer(service.url, connections, data, until=time.perf_counter() + args.seconds))
                    load.line(service.name, *result, load.processor(service.process.pid) - before)
        if args.soak:
            data = load.request(load.form(pathlib.Path(args.small).read_bytes()))
            print(f"\nafter {args.soak} more requests")
            for service in services[:3]:
                load.line(service.name, *asyncio.run(load.hammer(service.url, 8, data, count=args.soak)))
                print(f"    memory {load.memory(service.process.pid):.1f} MiB")
    finally:
        for service in services:
            service.stop()


if __name__ == "__main__":
    main()
