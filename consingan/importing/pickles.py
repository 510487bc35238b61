"""Checks of a file of `torch.save` before it is unpickled.

torch's restricted unpickler runs no code. But it accepts pickles that take unlimited time or
memory, such as nested tuples whose hash takes days, or a huge array of zeros. So a file is
unpickled only if all of its operations are ones that torch writes for tensors, numbers and names.
"""

from __future__ import annotations

import pickletools
import zipfile
from io import BytesIO
from typing import IO, Any

ZIP = b"PK\x03\x04"
"""The first bytes of a zip file, which torch writes from version 1.6 on."""
LEGACY_PICKLES = 5
"""Pickles in a file of earlier torch: magic number, version, machine, content, keys; then data."""
MAX_DEPTH = 8
"""The deepest nesting of tuples; a tensor has 2."""
MAX_OPERATIONS = 1_000_000
"""The most operations of a pickle; a tensor has about 40."""
PUSHES = {"EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "BINUNICODE", "NONE", "NEWTRUE", "NEWFALSE"}
PUSHES |= {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
"""Operations that push one item."""
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
"""Operations that make a tuple, and of how many items."""
POPS = {"APPEND": 1, "SETITEM": 2, "BUILD": 1}
"""Operations that pop items, and how many."""
NUMBERS = ("Float", "Double", "Half", "BFloat16", "Long", "Int")
GLOBALS = {f"torch {kind}Storage" for kind in NUMBERS}
GLOBALS |= {"torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"}
GLOBALS |= {"collections OrderedDict"}
"""The classes and functions that a pickle may name."""


def check_tensor_file(stream: IO[bytes]) -> None:
    """Raise ValueError if the file does more than make tensors, or is compressed.

    On damaged files, `zipfile` and `pickletools` may raise other errors.
    """
    if stream.read(len(ZIP)) != ZIP:
        stream.seek(0)
        for _ in range(LEGACY_PICKLES):
            check_pickle(stream)
        return
    size = stream.seek(0, 2)
    with zipfile.ZipFile(stream) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("it is compressed")
        if sum(entry.file_size for entry in entries) > size:
            raise ValueError("it unpacks to more bytes than it has")
        # Check all entries of that name, as readers may differ in which one they use.
        for entry in entries:
            if entry.filename.split("/")[-1] == "data.pkl":
                check_pickle(BytesIO(archive.read(entry)))


def check_pickle(stream: IO[bytes]) -> None:
    """Raise ValueError if the pickle at the stream's position does more than make tensors.

    It simulates the pickle's stack, with only the nesting depth of each item. Afterwards the stream
    is at the end of the pickle.
    """
    stack: list[int | None] = []  # the depth of each item; None is a mark
    memo: dict[Any, int | None] = {}

    def pop_to_mark() -> list[int]:
        items = []
        while (item := stack.pop()) is not None:
            items.append(item)
        return items

    def pop(number: int) -> list[int]:
        return [stack.pop() or 0 for _ in range(number)]

    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
            name = operation.name
            if name in PUSHES or (name == "GLOBAL" and argument in GLOBALS):
                stack.append(0)
            elif name == "MARK":
                stack.append(None)
            elif name in ("BINPUT", "LONG_BINPUT"):
                memo[argument] = stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                stack.append(memo[argument])
            elif name == "TUPLE":
                stack.append(1 + max(pop_to_mark(), default=0))
            elif name in TUPLES:
                stack.append(1 + max(pop(TUPLES[name])))
            elif name in ("APPENDS", "SETITEMS"):
                pop_to_mark()
            elif name in POPS:
                pop(POPS[name])
            elif name == "BINPERSID":
                stack.append(pop(1)[0])
            elif name == "REDUCE":
                stack.append(max(pop(2)))
            elif name not in ("PROTO", "STOP"):
                raise ValueError(f"it does more than make tensors: {name}")
            if count > MAX_OPERATIONS or (stack and (stack[-1] or 0) > MAX_DEPTH):
                raise ValueError("it is too large or too deep")
    except (IndexError, KeyError):
        raise ValueError("it uses items that don't exist") from None
