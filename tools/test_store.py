#!/usr/bin/env python3
"""Jobs over addresses: `fervor batch` reads pictures, archives and tables from a server that speaks S3 (moto, on this machine) and from
plain HTTP, with rows as from the disk, an error row for what is missing, and a clear word where the server is not there.

    pip install "moto[server]" boto3 pyarrow psutil
    cargo build --features store
    python tools/test_store.py target/debug/fervor PICTURES
"""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from pathlib import Path

import boto3
import pyarrow.parquet
from moto.server import ThreadedMotoServer

program, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png"))[:20]

server = ThreadedMotoServer(port=0)
server.start()
address = "http://{}:{}".format(*server.get_host_and_port())
access = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": address}
store = boto3.client(
    "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
)
store.create_bucket(Bucket="photos")
for number, path in enumerate(pictures):
    store.upload_file(str(path), "photos", f"below/a folder/{number:02}{path.suffix}")
store.put_object(Bucket="photos", Key="below/notes.txt", Body=b"words")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and parts of them, which Python's own server does not."""

    asked = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        Quiet.asked += 1
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if not wanted or not path.is_file():
            return super().do_GET()
        size = path.stat().st_size
        first, last = int(wanted[1]), min(int(wanted[2]), size - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        with open(path, "rb") as file:
            file.seek(first)
            self.wfile.write(file.read(last - first + 1))


plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
threading.Thread(target=plain.serve_forever, daemon=True).start()
web = f"http://127.0.0.1:{plain.server_port}"


def job(out, *inputs):
    command = [program, "batch", *inputs, "--output", out]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **access})
    manifest = [json.loads(line) for line in (Path(out) / "_manifest.jsonl").read_text().splitlines()]
    table = pyarrow.parquet.read_table(out).to_pylist()
    assert sum(line["rows"] for line in manifest) == len(table)
    return ran, table


def faces(table):
    return [{key: row[key] for key in ("face", "x", "y", "w", "h", "label", "p_happy")} for row in table]


def holders(folder):
    """The pictures as an archive and as tables: with their bytes, and with their paths."""
    folder.mkdir()
    with tarfile.open(folder / "all.tar", "w") as archive:
        for number, path in enumerate(pictures):
            archive.add(path, f"{number:02}{path.suffix}")
    # In several row groups, each of which is asked for by itself.
    cells = [path.read_bytes() for path in pictures] * 8
    table = pyarrow.table({"id": list(range(len(cells))), "image": cells})
    pyarrow.parquet.write_table(table, folder / "all.parquet", row_group_size=30, compression="zstd")
    names = [f"{number:02}{path.suffix}" for number, path in enumerate(pictures)]
    for name, path in zip(names, pictures):
        shutil.copy(path, folder / name)
    pyarrow.parquet.write_table(pyarrow.table({"path": names}), folder / "paths.parquet")


with tempfile.TemporaryDirectory() as work:
    _, disk = job(f"{work}/disk", *map(str, pictures))
    ran, bucket = job(f"{work}/s3", "s3://photos/below/")
    assert faces(bucket) == faces(disk), "the same rows as from the disk"
    assert "passed over 1" in ran.stderr, ran.stderr
    print(f"s3: {len(bucket)} rows, as from the disk")
    relative = [str(path.relative_to(folder)) for path in pictures]
    ran, over_http = job(f"{work}/http", *[f"{web}/{name}" for name in relative], f"{web}/gone.jpg", "s3://photos/gone.jpg", "s3://photos/nothing/")
    assert faces(over_http)[: len(disk)] == faces(disk)
    errors = [(row["source"], row["error_reason"]) for row in over_http if row["error"]]
    assert [reason for _, reason in errors] == ["missing", "missing", "empty"], errors
    assert ran.returncode == 1
    print(f"http: {len(over_http)} rows, of them {len(errors)} say what is missing")
    held = Path(work) / "held"
    holders(held)
    names = ("all.tar", "all.parquet", "paths.parquet")
    _, near = job(f"{work}/near", *[str(held / name) for name in names])
    for name in names:
        store.upload_file(str(held / name), "photos", f"held/{name}")
    for path in held.glob("[0-9]*"):
        store.upload_file(str(path), "photos", f"held/{path.name}")
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(held)))
    threading.Thread(target=other.serve_forever, daemon=True).start()
    for far in ("s3://photos/held", f"http://127.0.0.1:{other.server_port}"):
        Quiet.asked = 0
        ran, there = job(f"{work}/held-{far[:2]}", *[f"{far}/{name}" for name in names])
        assert faces(there) == faces(near) and ran.returncode == 0, ran.stderr
        assert [row["row_id"] for row in there] == [row["row_id"] for row in near]
        assert there[0]["source"].startswith(f"{far}/all.tar/"), there[0]["source"]
        print(f"{far.split(':')[0]}: {len(there)} rows of an archive and two tables, as from the disk; {Quiet.asked} requests of plain HTTP")
    ran, there = job(f"{work}/below", "s3://photos/held/")
    # Those of the archive and the tables, and the pictures themselves.
    assert len(there) == len(near) + len(disk), (len(there), len(near), len(disk))
    print(f"s3: {len(there)} rows below a prefix that holds pictures, an archive and tables")
    store.delete_object(Bucket="photos", Key="held/all.tar")
    ran, there = job(f"{work}/gone", "s3://photos/held/all.tar", "s3://photos/held/no.parquet")
    assert [row["error_reason"] for row in there] == ["missing", "missing"] and ran.returncode == 2
    plain.shutdown()
    plain.server_close()
    ran, table = job(f"{work}/dead", f"{web}/{relative[0]}")
    assert ran.returncode == 2 and table[0]["error_reason"] == "inaccessible", ran.stderr
    print("no server:", table[0]["error"])
server.stop()
