"""Files of a stranger: none runs code, writes elsewhere, hangs, or takes the machine down."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save

import consingan
from benchmarks.fuzz import Fuzzer
from consingan import Run, api, cli
from consingan.console import escaped
from consingan.core.pictures.reading import load_picture
from consingan.core.runs.tensor_files import sha256, stage_file
from consingan.core.system.names import folder_name
from consingan.errors import ConsinganError, Note, PictureError, RunError
from consingan.importing import models
from tests.conftest import TINY, tiny_image

PICTURE, STAGE = "picture.png", stage_file(1)
ESCAPES = "a\nb\x1b[31m\x9b2J\u202e"


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    """The modes, looked for once: hundreds of imports would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        plugins = api.find_plugins()
        patch.setattr(api, "find_plugins", lambda: plugins)
        patch.setattr(models, "find_plugins", lambda: plugins)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One finished run, which no test changes."""
    return consingan.train(tiny_image(), runs=tmp_path_factory.mktemp("trained"), **TINY)


@pytest.fixture
def copy(tmp_path: Path, trained: Run) -> Path:
    """Its folder, to make a stranger's of."""
    return shutil.copytree(trained.path, tmp_path / "run")


def change(file: Path, **values: Any) -> None:
    """Change values of a JSON file, and of its backup."""
    for path in (file, file.with_name(file.name.replace(".json", ".backup.json"))):
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refusal(folder: Path) -> str:
    """The one line that opening and using a run folder ends in."""
    with pytest.raises(ConsinganError) as caught:
        consingan.open_run(folder).sampler("cpu").reconstruction()
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    return message


# Anything at all. `python -m benchmarks.fuzz` tries far more.


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Fuzzer:
    return Fuzzer(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize(
    "reader",
    [
        *("picture", "mask", "sizes", "options", "names", "hooks"),
        *("config", "state", "stage", "noise", "published"),
    ],
)
def test_mutated_files_are_used_or_refused(fuzzer: Fuzzer, reader: str) -> None:
    assert set(fuzzer.readers) >= {reader}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = fuzzer.feed(reader, 0, 25)
    assert report.findings == []
    assert report.used + report.refused == 25
    assert report.refused > 0 or reader == "names"


anything = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@anything
@given(st.sampled_from(["config.json", "state.json"]), st.data())
def test_any_value_in_a_record_is_used_or_refused(
    tmp_path_factory: pytest.TempPathFactory, trained: Run, file: str, data: st.DataObject
) -> None:
    record = json.loads((trained.path / file).read_text())
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(values)
    folder = tmp_path_factory.mktemp("record")
    for name in ("config.json", "state.json"):
        shutil.copy(trained.path / name, folder)
    (folder / file).write_text(json.dumps(record))
    try:
        consingan.open_run(folder)
    except ConsinganError as error:
        assert "\n" not in str(error)  # noqa: PT017


shapes = st.lists(st.integers(0, 4), max_size=5)
kinds = st.sampled_from([torch.float32, torch.float64, torch.int8, torch.bool, torch.complex64])


@anything
@given(name=st.none() | st.text(max_size=20), shape=shapes, kind=kinds, index=st.integers(0, 99))
def test_any_tensor_in_a_stage_file_is_used_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    trained: Run,
    name: str | None,
    shape: list[int],
    kind: torch.dtype,
    index: int,
) -> None:
    folder = shutil.copytree(trained.path, tmp_path_factory.mktemp("stage") / "run")
    from safetensors.torch import load_file

    tensors = load_file(folder / STAGE)
    names = sorted(tensors)
    tensors[names[index % len(names)] if name is None else name] = torch.ones(shape, dtype=kind)
    content = save(tensors)
    (folder / STAGE).write_bytes(content)
    stages = json.loads((folder / "state.json").read_text())["stages"]
    stages[1]["sha256"] = sha256(content)
    change(folder / "state.json", stages=stages)
    try:
        consingan.open_run(folder).sampler("cpu").reconstruction()
    except ConsinganError as error:
        assert "does not fit the run" in str(error)  # noqa: PT017


@given(st.text())
def test_whatever_is_shown_is_one_printable_line(text: str) -> None:
    assert escaped(text).isprintable()
    escaped(text).encode()


@given(st.text())
def test_a_folders_name_is_one_step_down(name: str) -> None:
    safe = folder_name(name)
    assert safe == folder_name(safe)
    assert safe not in ("", ".", "..")
    assert not set(safe) & set('/\\:*?"<>|\n\x00')


# Pictures that claim or cost too much.


def png(width: int, height: int, colour: int, bits: int, extra: bytes = b"") -> bytes:
    """A PNG file of zeros: a few thousand bytes, whatever its size."""
    row = bytes(1 + -(-width * bits // 8))
    packer = zlib.compressobj(9)
    data = b"".join([packer.compress(row) for _ in range(height)] + [packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def jpeg_of_many_scans() -> bytes:
    """A progressive JPEG file whose last scan comes three hundred times: each costs a decoding."""
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 3000)).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    start = content.rindex(b"\xff\xda")
    return content[:start] + content[start:-2] * 300 + content[-2:]


def tiff_of_many_frames() -> bytes:
    """A TIFF file of a hundred thousand frames, to count which takes a minute."""
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, "TIFF")
    content = buffer.getvalue()
    first = int.from_bytes(content[4:8], "little")
    end = first + 2 + 12 * int.from_bytes(content[first : first + 2], "little")
    frame, place, frames = content[first:end], len(content), 100_000
    chain = [struct.pack("<I", place)]
    for _ in range(frames):
        place += len(frame) + 4
        chain.append(frame + struct.pack("<I", place))
    return content[:end] + chain[0] + content[end + 4 :] + b"".join(chain[1:-1]) + frame + bytes(4)


COST = """
import sys, time
from pathlib import Path
from consingan.core.pictures.reading import load_picture
from consingan.errors import PictureError
for name in sys.argv[1:]:
    start = time.process_time()
    try:
        load_picture(name)
    except PictureError:
        pass
    peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    print(name, time.process_time() - start, int(peak) * 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is not told")
def test_the_worst_pictures_cost_little_time_and_memory(tmp_path: Path) -> None:
    (tmp_path / "clear.png").write_bytes(png(7990, 7990, 6, 32))
    (tmp_path / "scans.jpg").write_bytes(jpeg_of_many_scans())
    (tmp_path / "frames.tif").write_bytes(tiff_of_many_frames())
    white = Image.new("RGBA", (6300, 6300), (1, 2, 3, 4))
    white.save(tmp_path / "clear.webp", lossless=True, quality=0, method=0)
    names = ["frames.tif", "scans.jpg", "clear.webp", "clear.png"]
    command = [sys.executable, "-c", COST, *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(names)
    for line in lines:
        _, seconds, memory = line.split()
        assert float(seconds) < 10, line
        assert int(memory) < 10**9, line


@pytest.mark.parametrize("total", [50, 51])
def test_the_limit_on_scans(tmp_path: Path, total: int) -> None:
    buffer = io.BytesIO()
    tiny_image().save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    start = content.rindex(b"\xff\xda")
    path = tmp_path / "a.jpg"
    scans = total - content[:start].count(b"\xff\xda")
    path.write_bytes(content[:start] + content[start:-2] * scans + content[-2:])
    if total < 51:
        load_picture(path)
        return
    with pytest.raises(PictureError, match="too many scans"):
        load_picture(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    Image.new("RGB", (4, 4)).save(path)
    os.truncate(path, 10**10)
    with pytest.raises(PictureError, match="more than 300 million bytes"):
        load_picture(path)


# Run folders.


@pytest.mark.parametrize("depth", [100, 10_000, 1_000_000])
@pytest.mark.parametrize("file", ["config.json", "state.json"])
def test_deep_json(copy: Path, file: str, depth: int) -> None:
    for name in (file, file.replace(".json", ".backup.json")):
        (copy / name).write_text('{"options": ' + "[" * depth)
    assert repr(str(copy / file)) in refusal(copy)


@pytest.mark.parametrize("file", ["config.json", "state.json"])
def test_huge_json_is_refused_unread(copy: Path, file: str) -> None:
    for name in (file, file.replace(".json", ".backup.json")):
        os.truncate(copy / name, 10**11)
    assert "more than 1,000,000" in refusal(copy)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"picture": "../../outside"}),
        ("config.json", {"picture": "/tmp/outside"}),
        ("config.json", {"picture": ".."}),
        ("config.json", {"picture": ESCAPES}),
        ("config.json", {"mode": "../generation"}),
        ("config.json", {"mode": "oil", "plugin": {"package": "x --pre y", "version": "1"}}),
        ("config.json", {"mode": ESCAPES}),
        ("config.json", {"options": {"filters": 10**9}}),
        ("config.json", {"options": {"filters": 10**30}}),
        ("config.json", {"options": {"filters": 4000, "layers": 32}}),
        ("config.json", {"options": {"layers": 30}}),
        ("config.json", {"options": {ESCAPES: 1}}),
        ("config.json", {"options": {"niter": "x" * 100_000}}),
        ("config.json", {"fixed_noise_sha256": "0" * 64}),
        ("state.json", {"sizes": [[10**6, 10**6]] * 3}),
        ("state.json", {"sizes": [[10**30, 10**30]] * 3}),
        ("state.json", {"sizes": [[0, 0], [16, 24]]}),
        ("state.json", {"sizes": [[16, 24], [8, 12], [16, 24]]}),
        ("state.json", {"sizes": [[1, 1], [1, 1], [16, 24]]}),
        ("state.json", {"sizes": [[16, 24]] * 1000}),
        ("state.json", {"sizes": []}),
        ("state.json", {"stages": [{"sha256": "0" * 64, "seconds": 1}] * 10}),
        ("state.json", {"stages": [{"sha256": "../x", "seconds": 1}]}),
        ("state.json", {"picture_sha256": "0" * 64}),
    ],
)
def test_absurd_records(copy: Path, file: str, values: dict[str, Any]) -> None:
    if "options" in values:
        options = json.loads((copy / file).read_text())["options"]
        values = {"options": {**options, **values["options"]}}
    change(copy / file, **values)
    assert refusal(copy)  # one line, whatever it was


def test_stages_that_are_large_together_are_refused_unread(copy: Path) -> None:
    change(copy / "state.json", sizes=[[16, 24], *[[1500, 1500]] * 63])
    (copy / "picture.png").unlink()  # it isn't looked at
    assert "the stages have too many pixels" in refusal(copy)


def test_absurd_options_of_a_run_without_stages(copy: Path) -> None:
    options = json.loads((copy / "config.json").read_text())["options"]
    change(copy / "config.json", options={**options, "filters": 10**5})
    change(copy / "state.json", stages=[])
    with pytest.raises(RunError, match="networks of 100000 filters and 3 layers do not fit"):
        consingan.resume(copy)
    assert consingan.open_run(copy).state.status == "failed"


NAMES = ["applied", "previews", "stages", "metrics.jsonl", ".lock", PICTURE, "state.json", "x"]


@pytest.mark.parametrize("name", NAMES)
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, copy: Path, name: str) -> None:
    outside = tmp_path / "outside"
    target = copy / name
    if target.is_dir():
        shutil.rmtree(target)
    if name in ("applied", "previews", "stages"):
        outside.mkdir()
    else:
        outside.write_bytes(b"mine")
        target.unlink(missing_ok=True)
    target.symlink_to(outside)
    for action in (consingan.open_run, consingan.resume):
        with pytest.raises(RunError, match=rf"{name}' links to a place outside the folder"):
            action(copy)
    assert outside.is_dir() or outside.read_bytes() == b"mine"
    assert not outside.is_dir() or not list(outside.iterdir())


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "../../outside", "/proc/self/mem"])
def test_a_stage_that_is_a_link_is_not_followed(copy: Path, target: str) -> None:
    (copy.parent / "outside").write_bytes((copy / STAGE).read_bytes())
    (copy / STAGE).unlink()
    (copy / STAGE).symlink_to(target)
    message = refusal(copy)
    assert "links to a place outside" in message
    with pytest.warns(Note, match="stage 2 and those above are trained again"):
        consingan.resume(copy)
    assert (copy.parent / "outside").exists()
    assert not (copy / STAGE).is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
@pytest.mark.parametrize("name", ["config.json", "state.json", "metrics.jsonl", PICTURE, STAGE])
def test_a_pipe_is_not_waited_for(copy: Path, name: str) -> None:
    (copy / name).unlink()
    os.mkfifo(copy / name)
    assert Path(name).name in refusal(copy)


def test_links_in_a_circle(copy: Path) -> None:
    (copy / "x").symlink_to(copy / "y")
    (copy / "y").symlink_to(copy / "x")
    assert "link" in refusal(copy)


def test_fine_tuning_a_strangers_run_stays_in_its_folder(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    run = consingan.train(tiny_image(), "harmonization", runs=out, **TINY)
    change(run.path / "config.json", picture="../../outside")
    with pytest.raises(RunError, match=r"picture: .*not a valid folder name"):
        consingan.fine_tune(run.path, tiny_image(), runs=out)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


# What is shown.


@pytest.mark.parametrize(
    "command", [["show"], ["resume"], ["generation", "apply"], ["generation", "train"], ["import"]]
)
@pytest.mark.parametrize("kind", ["missing", "run", "text"])
def test_names_are_shown_escaped(
    copy: Path, capsys: pytest.CaptureFixture[str], command: list[str], kind: str
) -> None:
    path = copy.with_name(ESCAPES)
    if kind == "run":
        copy.rename(path)
    elif kind == "text":
        path.write_text(ESCAPES)
    cli.run([*command, str(path)])
    out, err = capsys.readouterr()
    assert out + err
    assert not set(out + err) & set("\x1b\x9b\u202e")
    assert len(err.splitlines()) <= 1


def test_a_hint_shows_names_escaped(
    tmp_path: Path, copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / ESCAPES).mkdir(parents=True)
    copy.rename(tmp_path / "runs" / ESCAPES / "1")
    assert cli.run(["show", "none"]) == 2
    err = capsys.readouterr().err
    assert r"there are runs on: a\nb\x1b[31m\x9b2J\u202e" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "a\x00b"])
@pytest.mark.parametrize("command", [["show"], ["generation", "train"], ["import"]])
def test_names_that_no_file_can_have(
    capsys: pytest.CaptureFixture[str], command: list[str], name: str
) -> None:
    assert cli.run([*command, name]) in (1, 2)
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "unexpected" not in err
