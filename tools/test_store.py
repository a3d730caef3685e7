#!/usr/bin/env python3
"""Jobs over addresses: `fervor batch` reads pictures from a server that speaks S3 (moto, on this machine) and from plain HTTP, with rows
as from the disk, an error row for what is missing, and a clear word where the server is not there.

    pip install "moto[server]" boto3 pyarrow
    cargo build --features store
    python tools/test_store.py target/debug/fervor PICTURES
"""

import functools
import http.server
import json
import os
import subprocess
import sys
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
    def log_message(self, *_):
        pass


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
    plain.shutdown()
    plain.server_close()
    ran, table = job(f"{work}/dead", f"{web}/{relative[0]}")
    assert ran.returncode == 2 and table[0]["error_reason"] == "inaccessible", ran.stderr
    print("no server:", table[0]["error"])
server.stop()
