"""Load for a service that answers POST /predict: speed, a soak, an overload, bad input. Only the standard library and Pillow.

    python tools/service/load.py speed    http://127.0.0.1:8080 photo.jpg --connections 1 8 64 --seconds 5
    python tools/service/load.py soak     http://127.0.0.1:8080 photo.jpg --requests 10000 --pid PID
    python tools/service/load.py overload http://127.0.0.1:8080 photo.jpg --connections 500 --seconds 30 --pid PID
    python tools/service/load.py bad      http://127.0.0.1:8080 photo.jpg --requests 2000 --pid PID

Each connection sends its next request when it has the answer to the last one.
"""

import argparse
import asyncio
import collections
import io
import os
import random
import struct
import time
import urllib.parse
import zlib

BOUNDARY = b"fervor-load"


def form(picture, field=b"image"):
    head = b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="p"\r\nContent-Type: image/jpeg\r\n\r\n' % (BOUNDARY, field)
    return head + picture + b"\r\n--%s--\r\n" % BOUNDARY


def request(body, kind=b"multipart/form-data; boundary=" + BOUNDARY, length=None):
    size = len(body) if length is None else length
    return b"POST /predict HTTP/1.1\r\nHost: load\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, size) + body


def memory(pid):
    """Resident memory in MiB of a process and its children."""
    total = 0
    with open(f"/proc/{pid}/status") as file:
        total += next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        total_children = sum(memory(child) for child in file.read().split())
    return total / 1024 + total_children


def processor(pid):
    """Seconds of processor time of a process and its children."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = sum(processor(child) for child in file.read().split())
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + children


class Connection:
    """A connection that is kept, and made again when the service closed it."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.reader = self.writer = None

    async def send(self, data, slow=0.0):
        """The status, and whether it had a body of JSON or a picture; 0 where there is no answer."""
        for attempt in (0, 1):
            fresh = self.writer is None
            try:
                if fresh:
                    self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
                if slow:
                    for start in range(0, len(data), 4096):
                        self.writer.write(data[start:start + 4096])
                        await self.writer.drain()
                        await asyncio.sleep(slow)
                else:
                    self.writer.write(data)
                return await self.answer()
            except (ConnectionError, asyncio.IncompleteReadError, OSError):
                self.close()
                if fresh or attempt:
                    return 0
        return 0

    async def answer(self):
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        status = int(lines[0].split()[1])
        fields = dict(line.split(b": ", 1) for line in lines[1:] if b": " in line)
        await self.reader.readexactly(int(fields.get(b"content-length", 0)))
        if fields.get(b"connection") == b"close":
            self.close()
        return status

    def close(self):
        if self.writer:
            self.writer.close()
        self.writer = None


async def hammer(url, connections, data, until=None, count=None):
    """Statuses and latencies in seconds; `until` a time, or `count` requests in all."""
    statuses, latencies, left = collections.Counter(), [], [count or 0]

    async def lane():
        connection = Connection(url)
        while (until and time.perf_counter() < until) or (count and left[0] > 0):
            left[0] -= 1
            start = time.perf_counter()
            status = await asyncio.wait_for(connection.send(data), 60)
            statuses[status] += 1
            latencies.append((status, time.perf_counter() - start))
        connection.close()

    start = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(connections)))
    return statuses, latencies, time.perf_counter() - start


def percentile(values, share):
    values = sorted(values)
    return 1000 * values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def line(what, statuses, latencies, seconds, used=None):
    good = [latency for status, latency in latencies if status == 200]
    told = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    cost = f"   {1000 * used / max(1, len(latencies)):6.2f} ms of processor a request" if used is not None else ""
    print(f"{what:<28} {len(good) / seconds:8.1f} answers/s   p50 {percentile(good, 0.5):7.1f} ms   p99 {percentile(good, 0.99):7.1f} ms{cost}   [{told}]", flush=True)


async def speed(args, data):
    await hammer(args.url, 2, data, count=20)
    for connections in args.connections:
        line(f"{connections} connections", *await hammer(args.url, connections, data, until=time.perf_counter() + args.seconds))


async def soak(args, data):
    for part in range(10):
        result = await hammer(args.url, 8, data, count=args.requests // 10)
        line(f"{(part + 1) * args.requests // 10} requests", *result)
        if args.pid:
            print(f"    memory {memory(args.pid):.1f} MiB")


async def overload(args, data):
    before = await hammer(args.url, 1, data, until=time.perf_counter() + 2)
    line("alone, before", *before)
    highest = [0.0]

    async def watch():
        while True:
            highest[0] = max(highest[0], memory(args.pid) if args.pid else 0)
            await asyncio.sleep(0.5)

    watcher = asyncio.create_task(watch())
    result = await hammer(args.url, args.connections[0], data, until=time.perf_counter() + args.seconds)
    watcher.cancel()
    line(f"{args.connections[0]} connections", *result)
    if args.pid:
        print(f"    memory at most {highest[0]:.1f} MiB")
    await asyncio.sleep(2)
    line("alone, 2 s after", *await hammer(args.url, 1, data, until=time.perf_counter() + 2))
    unanswered = sum(count for status, count in result[0].items() if status not in (200, 503))
    assert unanswered == 0, result[0]


def bomb(side):
    """A PNG of side x side black pixels: nothing on the line, everything in memory."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress(b"\0" * min((side + 1) * side, 60_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def mutated(photo, others, bombs, rng):
    """A request that should not be answered with a face, and whether it is to be sent slowly."""
    picture = bytearray(rng.choice([photo, *others]))
    kind = rng.randrange(12)
    if kind < 4:
        for _ in range(rng.choice([1, 3, 20, 200])):
            picture[rng.randrange(len(picture))] ^= 1 << rng.randrange(8)
        return request(form(bytes(picture))), 0
    if kind < 6:
        return request(form(bytes(picture[: rng.randrange(len(picture))]))), 0
    if kind == 6:
        return request(form(rng.choice(bombs))), 0
    if kind == 7:
        types = [b"application/json", b"text/html", b"multipart/form-data", b"image/png", b"multipart/form-data; boundary=", b"\xff\xfe"]
        return request(bytes(picture), rng.choice(types)), 0
    if kind == 8:
        body = bytearray(form(bytes(picture)))
        for _ in range(5):
            body[rng.randrange(min(150, len(body)))] = rng.randrange(256)
        return request(bytes(body)), 0
    if kind == 9:
        return request(form(bytes(picture), rng.choice([b"img", b"", b"image[]", b"a" * 5000, b"\r\n"]))), 0
    if kind == 10:
        return request(rng.randbytes(rng.choice([0, 1, 100, 20_000])), rng.choice([b"image/jpeg", b"application/octet-stream"])), 0
    return request(form(bytes(picture[:20_000]))), 0.01


async def bad(args, data):
    from PIL import Image

    rng = random.Random(7)
    with open(args.picture, "rb") as file:
        photo = file.read()
    others = []
    for kind in ("PNG", "BMP", "WEBP", "GIF", "TIFF"):
        out = io.BytesIO()
        Image.open(args.picture).convert("RGB").resize((96, 96)).save(out, kind)
        others.append(out.getvalue())
    bombs = [bomb(side) for side in (7_000, 11_000, 30_000, 65_000)]
    statuses, left = collections.Counter(), [args.requests]
    before = memory(args.pid) if args.pid else 0

    async def lane():
        while left[0] > 0:
            left[0] -= 1
            connection = Connection(args.url)
            data, slow = mutated(photo, others, bombs, rng)
            statuses[await asyncio.wait_for(connection.send(data, slow), 60)] += 1
            connection.close()

    await asyncio.gather(*(lane() for _ in range(16)))
    print("statuses:", ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
    line("good ones, after", *await hammer(args.url, 4, data, count=200))
    if args.pid:
        print(f"    memory {before:.1f} MiB before, {memory(args.pid):.1f} MiB after")
    faults = {status: count for status, count in statuses.items() if status == 0 or (status >= 500 and status != 503)}
    assert not faults, faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["speed", "soak", "overload", "bad"])
    parser.add_argument("url")
    parser.add_argument("picture")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--pid", type=int)
    args = parser.parse_args()
    with open(args.picture, "rb") as file:
        data = request(form(file.read()))
    asyncio.run(globals()[args.what](args, data))


if __name__ == "__main__":
    main()
