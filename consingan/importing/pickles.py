"""Looks through a file of `torch.save` before it is unpickled: does it do more than make tensors?

torch's restricted unpickler runs no code, but some of what it does take costs any time or memory: a
tuple of tuples whose hash takes days, an array of zeros as large as a number says. So only what
torch itself writes for tensors, numbers and names gets as far as that.
"""

from __future__ import annotations

import pickletools
import zipfile
from io import BytesIO
from typing import IO, Any

ZIP = b"PK\x03\x04"
LEGACY_PICKLES = 5
"""Of a file of torch before 1.6: mark, version, machine, content, keys. Behind them are numbers."""
MAX_DEPTH = 8
"""Of tuples in tuples; a tensor has 2."""
MAX_OPERATIONS = 1_000_000
"""A tensor has about 40."""
PUSHES = {"EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "BINUNICODE", "NONE", "NEWTRUE", "NEWFALSE"}
PUSHES |= {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
POPS = {"APPEND": 1, "SETITEM": 2, "BUILD": 1}
NUMBERS = ("Float", "Double", "Half", "BFloat16", "Long", "Int")
GLOBALS = {f"torch {kind}Storage" for kind in NUMBERS}
GLOBALS |= {"torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"}
GLOBALS |= {"collections OrderedDict"}


def check_tensor_file(stream: IO[bytes]) -> None:
    """Raise ValueError if the file does more than make tensors, or unpacks to more than it has.

    Other errors are those of `zipfile` and `pickletools` on damaged files.
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
        # All of that name: which one of several counts is up to who reads it.
        for entry in entries:
            if entry.filename.split("/")[-1] == "data.pkl":
                check_pickle(BytesIO(archive.read(entry)))


def check_pickle(stream: IO[bytes]) -> None:
    """Raise ValueError if the pickle at the stream's place does more than make tensors.

    Follows the stack, of which only the depth of tuples matters. The stream is then behind it.
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
        raise ValueError("it takes what is not there") from None
