#!/usr/bin/env python3
"""Teachers trained on a graphics card with PyTorch, in minutes: residual networks with two heads (labels, votes) on FER-2013 and the
FER+ votes, in the family of `fervor-48` (crates/fervor-train/src/network/fervor_48.rs), for `[distill]` of Fervor's own trainer.
What is shipped is always trained by that trainer; these networks only tell it how likely they hold each class.

The same strictness as there: only rows of `Training` are trained on; `PublicTest` chooses the epoch, so its score is no test;
rows of `PrivateTest` are thrown away while the file is read. Chips, augmentation (all but JPEG), schedule, moving average and the two targets are
those of `docs/recipes.md`. Everything is drawn from --seed.

    pip install torch numpy onnx onnxruntime
    python tools/gpu/train_teachers.py pack fer2013.csv.xz --votes ferplus.csv --out faces.xz        # 50 MB: all that the card needs
    python tools/gpu/train_teachers.py train faces.xz --shapes wide,deep --minutes 9 --out teachers  # where the card is
    fervor import teachers/wide.onnx --card teachers/wide.toml --output teachers/wide-bundle.onnx    # at home
    fervor train STUDENT.toml --set 'distill.teachers=["teachers/wide-bundle.onnx"]' --set 'distill.chips="fixed"' ...

The minutes are shared out by the shapes' costs; an epoch's time is measured, and as many are trained as fit (--epochs at most). A teacher
that does not settle above --worth on PublicTest says so: find out why before a student learns from it.
"""

import argparse
import copy
import csv
import json
import lzma
import gzip
import math
import os
import sys
import time
from pathlib import Path

import numpy as np

SIDE = 48
LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
# Columns of FER+ in the order of LABELS; contempt, unknown and "not a face" are no classes of these networks.
VOTES = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
STANDARD = {"mean": 129.5, "deviation": 54.0}
SHAPES = {
    "wide": ([64, 128, 256, 512], [1, 1, 1]),
    "deep": ([32, 64, 128, 256, 512], [2, 2, 2, 2]),
    "large": ([64, 128, 256, 512], [2, 2, 2]),
    "tiny": ([8, 16, 24], [1, 1]),  # for trying this script
}
STRONG = dict(shift=0.15, rotation=12, scale=0.2, contrast=0.25, brightness=0.12, erase=0.25, degrade=0.12, overexpose=0.08)
LIGHT = dict(shift=0.06, rotation=7, scale=0.08, contrast=0.15, brightness=0.07, erase=0.1, degrade=0.12, overexpose=0.03)


# ---------------------------------------------------------------- data


def opened(path):
    """A text file, whatever it is packed with."""
    kinds = {".xz": lzma.open, ".gz": gzip.open}
    return kinds.get(Path(path).suffix, open)(path, "rt", newline="")


def read_rows(path, votes_path):
    """Pixels, labels and votes of Training and PublicTest. Rows of any other part are not looked at."""
    csv.field_size_limit(1 << 20)
    votes = None
    if votes_path:
        with opened(votes_path) as file:
            rows = list(csv.DictReader(file))
        votes = {int(row.get("row") or place): [int(row[name]) for name in VOTES] for place, row in enumerate(rows)}
    parts = {"Training": ([], [], []), "PublicTest": ([], [], [])}
    with opened(path) as file:
        for place, row in enumerate(csv.DictReader(file)):
            part = parts.get(row["Usage"])
            if part is None:
                continue
            pixels = np.array(row["pixels"].split(), dtype=np.uint8)
            if pixels.size != SIDE * SIDE:
                sys.exit(f"{path}, row {place + 1}: {pixels.size} pixels instead of {SIDE * SIDE}")
            part[0].append(pixels)
            part[1].append(int(row["emotion"]))
            part[2].append(votes.get(place, [0] * 7) if votes else [0] * 7)
    if not all(part[0] for part in parts.values()):
        sys.exit(f"{path}: no rows of Training or none of PublicTest in its column Usage")
    return {name: tuple(np.array(column) for column in part) for name, part in parts.items()}


def foretold(faces, row, column):
    """What a pixel is likely to be, by those left, above and above left of it (LOCO-I; Weinberger et al. 2000)."""
    at = lambda r, c: faces[:, r, c].astype(np.int16) if r >= 0 and c >= 0 else np.zeros(len(faces), np.int16)
    left, above, corner = at(row, column - 1), at(row - 1, column), at(row - 1, column - 1)
    least, most = np.minimum(left, above), np.maximum(left, above)
    return np.where(corner >= most, least, np.where(corner <= least, most, left + above - corner)).astype(np.uint8)


def pack(args):
    """What is not foretold of each pixel, which LZMA packs into two thirds."""
    rows = read_rows(args.data, args.votes)
    body, head = [], {}
    for name, (pixels, labels, votes) in rows.items():
        faces, rest = pixels.reshape(-1, SIDE, SIDE), np.empty((SIDE, SIDE, len(pixels)), dtype=np.uint8)
        for row, column in np.ndindex(SIDE, SIDE):
            rest[row, column] = faces[:, row, column] - foretold(faces, row, column)
        body += [np.ascontiguousarray(rest.transpose(2, 0, 1)).tobytes(), labels.astype(np.uint8).tobytes(), votes.astype(np.uint8).tobytes()]
        head[name] = len(labels)
    temporary = Path(f"{args.out}.part")
    with lzma.open(temporary, "wb", preset=6) as file:
        file.write(json.dumps(head).encode() + b"\n")
        file.writelines(body)
    temporary.rename(args.out)
    print(f"{args.out}: {head}, {os.path.getsize(args.out):,} bytes")


def unpack(path):
    with lzma.open(path) as file:
        head = json.loads(file.readline())
        rows = {}
        for name, count in head.items():
            faces = np.frombuffer(file.read(count * SIDE * SIDE), dtype=np.uint8).reshape(count, SIDE, SIDE).copy()
            for row, column in np.ndindex(SIDE, SIDE):
                faces[:, row, column] += foretold(faces, row, column)
            labels = np.frombuffer(file.read(count), dtype=np.uint8).astype(np.int64)
            votes = np.frombuffer(file.read(count * 7), dtype=np.uint8).reshape(count, 7)
            rows[name] = faces, labels, votes
    return rows


def shares(votes):
    """Votes as targets: single votes are not counted (Barsoum et al. 2016); rows of zeros where nothing is left."""
    counted = np.where(votes > 1, votes, 0).astype(np.float32)
    return counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)


# ---------------------------------------------------------------- network


def make_network(torch, widths, blocks, block_dropout, dropout):
    nn = torch.nn

    def norm_of(layer):
        return nn.BatchNorm2d(layer.out_channels)

    class Block(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
            self.first_norm, self.second_norm = norm_of(self.first), norm_of(self.second)
            self.across = nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else None
            self.across_norm = norm_of(self.across) if self.across else None

        def forward(self, x):
            shortcut = self.across_norm(self.across(x)) if self.across else x
            y = torch.relu(self.first_norm(self.first(x)))
            return torch.relu(self.second_norm(self.second(y)) + shortcut)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(1, widths[0], 3, padding=1, bias=False)
            self.stem_norm = norm_of(self.stem)
            self.stages = nn.ModuleList(
                nn.ModuleList(Block(i if number == 0 else o, o) for number in range(count))
                for (i, o), count in zip(zip(widths, widths[1:]), blocks)
            )
            self.dropout, self.block_dropout = nn.Dropout(dropout), nn.Dropout(block_dropout)
            self.classifier = nn.Linear(widths[-1], 2 * len(LABELS))

        def forward(self, pixels):
            x = torch.relu(self.stem_norm(self.stem((pixels - 127.5) / 64.0)))
            for stage in self.stages:
                x = nn.functional.max_pool2d(x, 2)
                for block in stage:
                    x = self.block_dropout(block(x))
            return self.classifier(self.dropout(x.mean(dim=(2, 3))))

    return Network()


# ---------------------------------------------------------------- augmentation, a batch at a time on the card


def standardize(torch, x):
    """Each chip [n, 1, s, s] of 0..255 to one mean and deviation, rounded and held as `Preprocess` does."""
    mean, deviation = x.mean(dim=(1, 2, 3), keepdim=True), x.std(dim=(1, 2, 3), keepdim=True, unbiased=False)
    factor = torch.where(deviation < 2.0, torch.ones_like(deviation), STANDARD["deviation"] / deviation.clamp(min=1e-6))
    return ((x - mean) * factor + STANDARD["mean"]).round().clamp(0, 255)


def augment(torch, x, how, generator):
    """[n, 1, s, s] of 0..255, changed as `augment.rs` does it: warp, light, hole, flaw, exposure."""
    functional, (n, _, side, _), device = torch.nn.functional, x.shape, x.device

    def uniform(low, high, *shape):
        return torch.rand(shape or (n,), generator=generator, device=device) * (high - low) + low

    def happens(probability):
        return uniform(0, 1) < probability

    angle, zoom = uniform(-1, 1) * math.radians(how["rotation"]), 1 + uniform(-1, 1) * how["scale"]
    step, mirror = 1 / zoom, torch.where(happens(0.5), -1.0, 1.0)
    shift = uniform(-1, 1, n, 2) * 2 * how["shift"]
    rows = [torch.stack([mirror * step * angle.cos(), -step * angle.sin(), shift[:, 0]], 1)]
    rows.append(torch.stack([mirror * step * angle.sin(), step * angle.cos(), shift[:, 1]], 1))
    grid = functional.affine_grid(torch.stack(rows, 1), x.shape, align_corners=False)
    x = functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)

    contrast, brightness = 1 + uniform(-1, 1) * how["contrast"], 255 * uniform(-1, 1) * how["brightness"]
    x = (contrast[:, None, None, None] * (x - 127.5) + 127.5 + brightness[:, None, None, None]).clamp(0, 255)

    area, aspect = uniform(0.02, 0.2) * side * side, uniform(-math.log(3), math.log(3)).exp()
    size = [(area * a).sqrt().round().clamp(1, side) for a in (aspect, 1 / aspect)]
    start = [(uniform(0, 1) * (side - s + 1)).floor() for s in size]
    at = torch.arange(side, device=device)
    inside = [(at >= s[:, None]) & (at < (s + z)[:, None]) for s, z in zip(start, size)]
    hole = inside[1][:, :, None] & inside[0][:, None, :] & happens(how["erase"])[:, None, None]
    x = torch.where(hole[:, None], torch.full_like(x, 128.0), x)

    worse, kind, strength = happens(how["degrade"]), uniform(0, 3).floor(), uniform(0.15, 1.0)
    for which in range(3):
        chosen = torch.nonzero(worse & (kind == which))[:, 0]
        if len(chosen) == 0:
            continue
        part, much = x[chosen], strength[chosen]
        if which == 0:  # each its own blur: one group a chip
            sigma = 0.05 * side * much
            offsets = torch.arange(-8, 9, device=device)
            kernel = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
            kernel = kernel / kernel.sum(dim=1, keepdim=True)
            line = functional.pad(part.transpose(0, 1), (8, 8, 0, 0), mode="replicate")
            line = functional.conv2d(line, kernel[:, None, None, :], groups=len(chosen))
            line = functional.pad(line, (0, 0, 8, 8), mode="replicate")
            part = functional.conv2d(line, kernel[:, None, :, None], groups=len(chosen)).transpose(0, 1)
        elif which == 1:  # one size for those of a batch: drawn by the first of them
            small = max(1, round(side * (1 - float(much[0]) * 2 / 3)))
            part = functional.interpolate(part, size=small, mode="area")
            part = functional.interpolate(part, size=side, mode="bilinear", align_corners=False)
        else:
            noise = torch.randn(part.shape, generator=generator, device=device)
            part = part + 30 * much[:, None, None, None] * noise
        x = x.index_copy(0, chosen, part.clamp(0, 255))

    gain = torch.where(happens(how["overexpose"]), uniform(1.2, 2.5), torch.ones(n, device=device))
    return (x * gain[:, None, None, None]).clamp(0, 255).round()


# ---------------------------------------------------------------- training


def accuracy(torch, network, pixels, truth, votes):
    """Of the labels' head by the labels, of the votes' head by the majority of votes where there is one."""
    network.eval()
    with torch.no_grad():
        logits = torch.cat([network(standardize(torch, part)) for part in pixels.split(1024)]).float()
    labels, people = logits[:, :7].argmax(1), logits[:, 7:].argmax(1)
    clear = votes.max(dim=1).values > 0.5
    by_votes = (people == votes.argmax(1))[clear].float().mean().item() if clear.any() else float("nan")
    return (labels == truth).float().mean().item(), by_votes


def train_one(torch, name, rows, args, seconds, epochs, settle):
    widths, blocks = SHAPES[name]
    device = torch.device(args.device)
    torch.manual_seed(args.seed)
    generator = torch.Generator(device=device).manual_seed(args.seed)
    network = make_network(torch, widths, blocks, block_dropout=0.15, dropout=0.3).to(device)
    network = network.to(memory_format=torch.channels_last)

    def on_card(part):
        faces, labels, votes = rows[part]
        pixels = torch.from_numpy(faces.copy()).to(device)[:, None]
        return pixels, torch.from_numpy(labels).to(device), torch.from_numpy(shares(votes)).to(device)

    pixels, labels, votes = on_card("Training")
    chosen_by = on_card("PublicTest")
    chosen_by = chosen_by[0].float(), *chosen_by[1:]
    batch, n = args.batch, len(labels)
    steps = n // batch
    decayed = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    optimizer = torch.optim.SGD([dict(params=decayed, weight_decay=5e-4), dict(params=others)], lr=0.1, momentum=0.9, nesterov=True)
    average, averaged = copy.deepcopy(network).eval(), 0
    best, began = (-1.0, None, None), time.time()
    cross = torch.nn.functional.cross_entropy

    def epoch(rate_at, side, how):
        nonlocal averaged
        network.train()
        order = torch.randperm(n, generator=generator, device=device)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step / steps)
            take = order[step * batch : (step + 1) * batch]
            x = standardize(torch, augment(torch, pixels[take].float(), how, generator))
            if side < SIDE:
                x = torch.nn.functional.interpolate(x, size=side, mode="area")
            x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16):
                logits = network(x)
            logits, share = logits.float(), votes[take]
            has = share.sum(dim=1)
            of_votes = -(share * logits[:, 7:].log_softmax(1)).sum(1).sum() / has.sum().clamp(min=1)
            loss = 0.6 * cross(logits[:, :7], labels[take]) + 0.4 * of_votes
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            # Early on the mean of all weights so far, so that the first ones are soon forgotten.
            averaged += 1
            decay = min(args.ema, averaged / (averaged + 9))
            with torch.no_grad():
                for ours, theirs in zip(average.state_dict().values(), network.state_dict().values()):
                    if ours.dtype.is_floating_point:
                        ours.lerp_(theirs, 1 - decay)
                    else:
                        ours.copy_(theirs)

    def judge(number, phase):
        nonlocal best
        found = accuracy(torch, average, *chosen_by)
        mark = ""
        if found[0] > best[0]:
            best, mark = (found[0], found[1], copy.deepcopy(average.state_dict())), "  best"
        print(f"{name}  {phase} {number:3}  PublicTest labels {found[0]:.2%} votes {found[1]:.2%}  {time.time() - began:.0f} s{mark}", flush=True)

    # How long a full epoch takes decides how many there are; what this one learns is thrown away.
    kept = copy.deepcopy(network.state_dict()), copy.deepcopy(optimizer.state_dict())
    start = time.time()
    epoch(lambda _: 1e-4, SIDE, STRONG)
    if device.type == "cuda":
        torch.cuda.synchronize()
    full = time.time() - start
    network.load_state_dict(kept[0])
    optimizer.load_state_dict(kept[1])
    average.load_state_dict(kept[0])
    averaged = 0
    # Two thirds of the epochs see smaller chips, at 0.6 of the cost in the mean.
    possible = int((seconds - full * (1 + settle)) / (full * (0.6 * 2 / 3 + 1 / 3)))
    epochs = max(1, min(epochs, possible))
    print(f"{name}: {sum(p.numel() for p in network.parameters()):,} parameters, {full:.1f} s an epoch, {epochs} epochs and {settle} to settle", flush=True)

    peak, warm = args.rate, min(3, epochs / 4)
    for number in range(epochs):
        def rate(part, number=number):
            at = number + part
            if at < warm:
                return peak * (0.04 + 0.96 * at / warm)
            return peak * (0.002 + 0.998 * (1 - (at - warm) / (epochs - warm)))

        third = 3 * number // max(1, epochs)
        epoch(rate, (32, 40, SIDE)[third], STRONG)
        judge(number + 1, "epoch")
    if settle and best[2] is not None:
        network.load_state_dict(best[2])
        average.load_state_dict(best[2])
        optimizer.state.clear()
    for number in range(settle):
        epoch(lambda part, number=number: args.rate * 0.16 * (1 - (number + part) / settle) + 1e-5, SIDE, LIGHT)
        judge(number + 1, "settle")
    average.load_state_dict(best[2])
    return average.eval().cpu().float(), best[:2], chosen_by


# ---------------------------------------------------------------- the file


def export(torch, network, path):
    """ONNX of the operators that Fervor's own kernels run; norms folded, weights as f16, raw pixels [n, 1, 48, 48] in."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, tensors = [], []

    def constant(name, values, half=False):
        values = np.ascontiguousarray(values, dtype=np.float32)
        if not half:
            tensors.append(numpy_helper.from_array(values, name))
            return name
        tensors.append(numpy_helper.from_array(values.astype(np.float16), f"{name}_f16"))
        nodes.append(helper.make_node("Cast", [f"{name}_f16"], [name], to=TensorProto.FLOAT))
        return name

    def node(kind, inputs, **attributes):
        output = f"{kind.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(x, layer, norm):
        factor = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
        weight = (layer.weight * factor[:, None, None, None]).detach().numpy()
        bias = (norm.bias - norm.running_mean * factor).detach().numpy()
        side, pad = layer.kernel_size[0], layer.padding[0]
        name = f"w{len(nodes)}"
        inputs = [x, constant(name, weight, half=True), constant(f"{name}_bias", bias)]
        return node("Conv", inputs, kernel_shape=[side, side], pads=[pad] * 4, strides=[1, 1], dilations=[1, 1], group=1)

    x = node("Mul", ["pixels", constant("factor", np.full((1, 1, 1, 1), 1 / 64))])
    x = node("Add", [x, constant("shift", np.full((1, 1, 1, 1), -127.5 / 64))])
    x = node("Relu", [conv(x, network.stem, network.stem_norm)])
    for stage in network.stages:
        x = node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
        for block in stage:
            across = conv(x, block.across, block.across_norm) if block.across is not None else x
            y = node("Relu", [conv(x, block.first, block.first_norm)])
            y = conv(y, block.second, block.second_norm)
            x = node("Relu", [node("Add", [y, across])])
    x = node("Flatten", [node("GlobalAveragePool", [x])], axis=1)
    weight, bias = (p.detach().numpy() for p in (network.classifier.weight, network.classifier.bias))
    nodes.append(helper.make_node("Gemm", [x, constant("dense", weight, half=True), constant("dense_bias", bias)], ["logits"], transB=1))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "teacher",
        [value("pixels", TensorProto.FLOAT, [None, 1, SIDE, SIDE])],
        [value("logits", TensorProto.FLOAT, [None, 14])],
        tensors,
    )
    model = helper.make_model(graph, producer_name="fervor-teachers", opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    temporary = path.with_suffix(".part")
    onnx.save(model, str(temporary))
    temporary.rename(path)


def prove(torch, network, path, faces):
    """The file answers as the network does, on ONNX Runtime."""
    try:
        import onnxruntime
    except ImportError:
        print(f"{path}: onnxruntime is not installed, so nobody compared the file with the network; `fervor import` will not either")
        return
    x = standardize(torch, faces[:64].cpu().float())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        wanted = network(x).numpy()
    found = session.run(None, {"pixels": x.numpy()})[0]
    off = np.abs(found - wanted).max()
    print(f"{path}: {path.stat().st_size:,} bytes, on ONNX Runtime at most {off:.4f} off (weights of 16 bits)")
    if off > 0.05 * (1 + np.abs(wanted).max()):
        sys.exit(f"{path}: the file is not the network")


def card(name, rows):
    _, labels, votes = rows["Training"]
    priors = [np.bincount(labels, minlength=7) / len(labels), (lambda s: s.sum(axis=0) / s.sum())(shares(votes).astype(np.float64))]
    lines = [
        f'name = "teacher-{name}"',
        f"labels = {json.dumps(LABELS)}",
        f"size = {SIDE}",
        'color = "gray"',
        'output = "logits"',
        f"standardize = {{ mean = {STANDARD['mean']}, deviation = {STANDARD['deviation']} }}",
        'description = "A teacher: seven expressions from 48x48 grey faces, trained on FER-2013 and the FER+ votes."',
        'licence = "MIT OR Apache-2.0"',
        'data = "FER-2013"',
    ]
    for head, prior in zip(("labels", "votes"), priors):
        shares_of = ", ".join(f"{value:.6f}" for value in prior)
        lines += ["", "[[heads]]", f'name = "{head}"', "weight = 0.5", "temperature = 1.0", f"prior = [{shares_of}]", "prior_removed = 0.0"]
    return "\n".join(lines) + "\n"


def train(args):
    import torch

    names = args.shapes.split(",")
    for name in names:
        if name not in SHAPES:
            sys.exit(f"no shape {name!r}; there are {', '.join(SHAPES)}")
    if args.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no CUDA device; --device cpu trains on the processor, for trials")
    rows = unpack(args.faces)
    if args.rows:
        rows = {part: tuple(column[: args.rows] for column in columns) for part, columns in rows.items()}
    args.out.mkdir(parents=True, exist_ok=True)

    def cost(name):
        widths, blocks = SHAPES[name]
        stages = zip(widths, widths[1:], blocks)
        return sum((i * o * 10 + o * o * 9 * (2 * count - 1)) / 4 ** (level + 1) for level, (i, o, count) in enumerate(stages))

    left, began, found = args.minutes * 60, time.time(), []
    for place, name in enumerate(names):
        # Of what is left, the share that this shape costs of those that are to come; a tenth for reading and writing.
        seconds = 0.9 * (left - (time.time() - began)) * cost(name) / sum(map(cost, names[place:]))
        network, scores, judged = train_one(torch, name, rows, args, seconds, args.epochs, args.settle)
        path = args.out / f"{name}.onnx"
        export(torch, network, path)
        (args.out / f"{name}.toml").write_text(card(name, rows))
        prove(torch, network, path, judged[0])
        found.append((name, *scores))
    print("\nPublicTest, which chose the epoch:")
    for name, labels, votes in found:
        says = "" if labels >= args.worth else f"   under {args.worth:.1%}: find out why before a student learns from it"
        print(f"  {name:<8} labels {labels:.2%}  votes {votes:.2%}{says}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("pack", help="Training and PublicTest in one small file")
    one.add_argument("data")
    one.add_argument("--votes", required=True)
    one.add_argument("--out", type=Path, required=True)
    two = commands.add_parser("train", help="train teachers from such a file")
    two.add_argument("faces")
    two.add_argument("--out", type=Path, required=True)
    two.add_argument("--shapes", default="wide,deep")
    two.add_argument("--minutes", type=float, default=9.0)
    two.add_argument("--epochs", type=int, default=80)
    two.add_argument("--settle", type=int, default=6)
    two.add_argument("--batch", type=int, default=128)
    two.add_argument("--rate", type=float, default=0.08)
    two.add_argument("--ema", type=float, default=0.998)
    two.add_argument("--worth", type=float, default=0.705)
    two.add_argument("--seed", type=int, default=11)
    two.add_argument("--rows", type=int, help="only so many rows of each part, for a trial")
    two.add_argument("--device", default="cuda")
    args = parser.parse_args()
    (pack if args.command == "pack" else train)(args)


main()
