"""Changes to files that break parsers: anywhere, in JSON, and in the header of safetensors."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

import torch
from safetensors.torch import load, save

NUMBERS = [0, 1, 2, 127, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]
NAMES = ["generator.body.9.x", "a\n\x1b[31m", "", "amplitude", "x" * 10_000]
KINDS = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.uint8]
KINDS += [torch.complex64, torch.float8_e4m3fn]
VALUES = [float("nan"), float("inf"), 1e38, -1e38, 0.0]
WORDS: list[Any] = [
    *(None, True, False, 0, -1, 2**31, 2**63, 2**64, 10**30, 1e308, -1e308, 0.5, "", "x" * 100),
    *("../../../tmp/x", "/etc/passwd", "..", "a\nb", "\x1b[31m", "\x00", "\ud800", "‮", "nan"),
    *([], {}, [[]], [0] * 1000, {"a": {"b": {}}}, "2999-01-01T00:00:00", "0001-01-01T00:00:00"),
]


def damage(content: bytes, random: Random) -> bytes:
    """`content` with one to five changes of the kinds that break parsers."""
    data = bytearray(content)
    for _ in range(random.randint(1, 5)):
        # Headers matter most, and are at the front or the end.
        end = random.choice([len(data), min(len(data), 64), min(len(data), 1024)])
        place = random.randrange(end) if end else 0
        kind = random.randrange(8)
        if kind == 0 and data:
            data[place] ^= 1 << random.randrange(8)
        elif kind == 1 and data:
            data[place] = random.randrange(256)
        elif kind == 2:
            form = random.choice(["<H", ">H", "<I", ">I", "<Q", ">Q"])
            number = random.choice(NUMBERS) & (256 ** struct.calcsize(form) - 1)
            data[place : place + struct.calcsize(form)] = struct.pack(form, number)
        elif kind == 3:
            del data[place:]
        elif kind == 4:
            del data[place : place + random.randint(1, 64)]
        elif kind == 5:
            start = random.randrange(len(data)) if data else 0
            data[place:place] = data[start : start + random.randint(1, 256)]
        elif kind == 6:
            data[place:place] = random.randbytes(random.randint(1, 32))
        else:
            data[-1 - place : len(data) - place] = random.randbytes(1)
    return bytes(data)


def damage_sizes(content: bytes, sides: Iterable[int], random: Random) -> bytes:
    """`content` with one to three of the places changed that may hold a side or a size of it."""
    numbers = [*sides, *(side * other for side in sides for other in (1, 3, 4, 8))]
    forms = ["<H", ">H", "<I", ">I"]
    found = [
        (place, form)
        for number in numbers
        for form in forms
        for place in _places_of(struct.pack(form, number), content)
    ]
    data = bytearray(content)
    for place, form in random.choices(found, k=random.randint(1, 3)) if found else ():
        number = random.choice(NUMBERS) & (256 ** struct.calcsize(form) - 1)
        data[place : place + struct.calcsize(form)] = struct.pack(form, number)
    return bytes(data)


def _places_of(part: bytes, content: bytes) -> Iterator[int]:
    place = content.find(part)
    while place >= 0:
        yield place
        place = content.find(part, place + 1)


def damage_json(content: bytes, random: Random) -> bytes:
    """JSON with one to three values replaced, or its text changed, or nested or made large."""
    kind = random.randrange(12)
    if kind == 0:
        return damage(content, random)
    if kind == 1:
        depth = random.choice([10, 1000, 100_000])
        return b"[" * depth + random.choice([b"", b"]" * depth])
    if kind == 2:
        return content[:-2] + b', "x": "' + b"y" * random.choice([10, 10**5, 10**7]) + b'"}'
    record = json.loads(content)
    for _ in range(random.randint(1, 3)):
        replace_value(record, random)
    return json.dumps(record).encode(errors="replace")


def replace_value(record: Any, random: Random) -> None:
    """Put another value in some place of a JSON object: a near one, or any."""
    node, key = random.choice(list(places(record)))
    if isinstance(node[key], int | float) and random.random() < 0.5:
        node[key] = random.choice([node[key] + 1, node[key] - 1, node[key] * 2, node[key] * 1000])
    else:
        node[key] = deepcopy(random.choice(WORDS))


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value in a JSON object, as what it is in and its key there."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list) and value:
            yield from places(value)


def damage_tensors(content: bytes, random: Random) -> bytes:
    """A safetensors file of other tensors, or with another header, or with bytes changed."""
    kind = random.randrange(10)
    if kind < 5:
        return other_tensors(content, random)
    if kind < 7:
        return damage(content, random)
    length = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    for _ in range(random.randint(1, 2)):
        replace_value(header, random)
    text = json.dumps(header).encode(errors="replace")
    size = random.choice([len(text)] * 4 + [2**63, 0])
    return size.to_bytes(8, "little") + text + body


def other_tensors(content: bytes, random: Random) -> bytes:
    """A sound safetensors file, one or two of whose tensors are missing or of another kind."""
    tensors = load(content)
    for _ in range(random.randint(1, 2)):
        name = random.choice(sorted(tensors))
        tensor = tensors.pop(name)
        change = random.randrange(6)
        if change == 0:
            tensors[random.choice(NAMES)] = tensor
        elif change == 1:
            tensors[name] = tensor.to(random.choice(KINDS))
        elif change == 2:
            tensors[name] = tensor.flatten()[: random.randint(0, 3)].clone()
        elif change == 3:
            tensors[name] = torch.full_like(tensor.float(), random.choice(VALUES))
        elif change == 4:
            tensors[name] = tensor.reshape(*tensor.shape, 1, 1)
        if not tensors:
            tensors["x"] = tensor
    return save(tensors)
