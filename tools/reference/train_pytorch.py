#!/usr/bin/env python3
"""Training speed of the three networks in PyTorch eager: forward, cross-entropy, backward and an Adam step, batch 64,
on random pictures; as it comes, with channels last in memory, and so with bfloat16 (`torch.autocast`). Prints pictures a
second, the best and the median of a few rounds. Run it beside `fervor train RECIPE --set data.fraction=0.1`, on an idle machine and with as many
threads.

    pip install torch
    python tools/reference/train_pytorch.py [threads] [rounds]
"""

import sys
import time

import torch
from torch import nn


def system_a():
    layers, width = [], 3
    for out in (32, 64, 128):
        layers += [nn.Conv2d(width, out, 3), nn.ReLU(), nn.MaxPool2d(2)]
        width = out
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 3))


def system_b():
    def stage(i, o, k):
        return [nn.Conv2d(i, o, k, padding=k // 2), nn.ReLU(), nn.BatchNorm2d(o), nn.MaxPool2d(2), nn.Dropout(0.25)]

    def dense(i, o):
        return [nn.LazyLinear(o), nn.ReLU(), nn.BatchNorm1d(o), nn.Dropout(0.25)]

    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), *stage(32, 64, 3), *stage(64, 128, 5), *stage(128, 512, 3), *stage(512, 512, 3),
        nn.Flatten(), *dense(None, 256), *dense(None, 512), nn.Linear(512, 7),
    )


class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.first, self.first_norm = nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o)
        self.second, self.second_norm = nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o)
        self.shortcut = nn.Sequential(nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o)) if i != o else nn.Identity()

    def forward(self, x):
        y = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(y)) + self.shortcut(x))


def fervor_48(widths=(16, 64, 112, 256)):
    layers = [nn.Conv2d(1, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    for i, o in zip(widths, widths[1:]):
        layers += [nn.MaxPool2d(2), Block(i, o)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 7))


def measure(name, make, shape, classes, rounds, batch=64):
    for variant in ("eager", "channels last", "bfloat16"):
        network = make()
        pixels, labels = torch.rand(batch, *shape), torch.randint(classes, (batch,))
        network(pixels)
        if variant != "eager":
            network, pixels = (x.to(memory_format=torch.channels_last) for x in (network, pixels))
        optimizer = torch.optim.Adam(network.parameters(), 1e-4)

        def step():
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=variant == "bfloat16"):
                loss = nn.functional.cross_entropy(network(pixels), labels)
            loss.backward()
            optimizer.step()

        step()
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        best, median = (batch / t for t in (min(times), sorted(times)[len(times) // 2]))
        print(f"{name:<10} {variant:<14} {best:7.1f} pictures/s best, {median:7.1f} median", flush=True)


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    measure("system-a", system_a, (3, 128, 128), 3, rounds)
    measure("system-b", system_b, (1, 48, 48), 7, rounds)
    measure("fervor-48", fervor_48, (1, 48, 48), 7, rounds)


main()
