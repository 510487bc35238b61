"""Models of the published code: what they become here, and what of a hostile one is refused."""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import consingan
from consingan import Run, cli
from consingan.core.networks.model import Model
from consingan.core.networks.noise import StoredNoise
from consingan.core.networks.window import whole
from consingan.core.options.size import Size
from consingan.core.options.training import PaddingStyle, TrainOptions
from consingan.core.pictures.reading import load_picture
from consingan.core.pictures.tensors import to_tensor
from consingan.core.runs.stored_model import load_model
from consingan.core.system.names import folder_name
from consingan.errors import RunError
from consingan.importing import models
from tests.conftest import tiny_image

MODES = ("generation", "retarget", "animation", "harmonization", "editing")
SIZES = [Size(12, 16), Size(14, 19), Size(18, 24)]
SETTINGS = {
    "not_cuda": "True",
    "manualSeed": "11",
    "nfc": "4",
    "ker_size": "3",
    "num_layer": "2",
    "nc_im": "3",
    "noise_amp": "0.1",
    "min_size": "12",
    "max_size": "24",
    "train_depth": "2",
    "niter": "7",
    "gamma": "0.2",
    "lr_g": "1e-05",
    "lr_d": "0.0005",
    "beta1": "0.5",
    "Gsteps": "3",
    "Dsteps": "2",
    "lambda_grad": "0.1",
    "alpha": "10",
    "activation": "lrelu",
    "lrelu_alpha": "0.05",
    "batch_norm": "0",
    "input_name": "photo.jpg",
    "naive_img": "",
    "train_mode": "generation",
    "lr_scale": "0.1",
    "train_stages": "3",
    "model_dir": "/home/me/a - b/run-1",
}
TENSOR_FILES = ("reals.pth", "noise_amp.pth", "fixed_noise.pth", "2/netG.pth", "2/netD.pth")


class Published(NamedTuple):
    """A folder as the published code leaves it, and the model that it was made from."""

    folder: Path
    model: Model
    reals: list[Tensor]
    fixed: list[Tensor]

    def rebuilt(self) -> Tensor:
        with torch.no_grad():
            return self.model.generate(self.fixed, self.model.plan())


Publish = Callable[..., Published]
Damage = Callable[[Path], object]


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    """The modes, looked for once: two hundred imports would take seconds at it."""
    with pytest.MonkeyPatch.context() as patch:
        plugins = models.find_plugins()
        patch.setattr(models, "find_plugins", lambda: plugins)
        yield


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    """Makes a small published folder, of random weights, with changed settings."""

    def make(**changes: str) -> Published:
        folder = tmp_path / "published"
        folder.mkdir()
        settings = {**SETTINGS, **changes}
        write_settings(folder, settings)
        oversize = settings["train_mode"] in ("generation", "animation")
        padding: PaddingStyle = "oversize" if oversize else "zero"
        model = Model(
            TrainOptions(
                filters=4,
                layers=2,
                batch_norm=settings["batch_norm"] == "True",
                activation=settings["activation"],
                lrelu_alpha=float(settings["lrelu_alpha"]),
            ),
            padding,
            SIZES,
        )
        for _ in SIZES[1:]:
            model.grow()
        for parameter in model.generator.parameters():
            torch.nn.init.normal_(parameter, 0, 0.2)
        model.amplitudes = [1.0, 0.25, 0.125]
        reals = [to_tensor(tiny_image(*size)) * 0.999 for size in SIZES]
        shapes = [model.generator.noise_shape(k, size) for k, size in enumerate(SIZES)]
        fixed = [reals[0] + 0.1, *map(torch.randn, shapes[1:])]
        for stage in range(3):
            (folder / str(stage)).mkdir()
            weights = model.generator.state_dict()
            weights = {n: w for n, w in weights.items() if f"body.{stage + 1}" not in n}
            torch.save(with_statistics(weights), folder / f"{stage}/netG.pth")
            torch.save(model.critic.state_dict(), folder / f"{stage}/netD.pth")
        torch.save(reals, folder / "reals.pth")
        torch.save(fixed, folder / "fixed_noise.pth")
        torch.save([1, torch.tensor(0.25), torch.tensor(0.125)], folder / "noise_amp.pth")
        torch.save(model.generator, folder / "G.pth")
        return Published(folder, model, reals, fixed)

    return make


def write_settings(folder: Path, settings: dict[str, str]) -> None:
    lines = [f"{name}\t-\t{value}\n" for name, value in settings.items()]
    (folder / "parameters.txt").write_text("".join(lines))


def with_statistics(weights: dict[str, Tensor]) -> OrderedDict[str, Tensor]:
    """Batch norm as the published code has it: with running statistics that nothing uses."""
    full: OrderedDict[str, Tensor] = OrderedDict()
    for name, weight in weights.items():
        full[name] = weight.contiguous()
        if name.endswith("norm.bias"):
            layer = name.removesuffix("bias")
            full[f"{layer}running_mean"] = torch.full_like(weight, 3)
            full[f"{layer}running_var"] = torch.full_like(weight, 9)
            full[f"{layer}num_batches_tracked"] = torch.tensor(21)
    return full


def apply(run: Run, photo: Path) -> list[Path]:
    options: dict[str, dict[str, Any]] = {
        "generation": {"num_samples": 1, "width": 30},
        "retarget": {"num_samples": 1},
        "animation": {"frames": 2},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", consingan.errors.Note)  # there is no mask
        return run.apply(device="cpu", **options.get(run.mode, {"naive": photo}))


@pytest.mark.parametrize("batch_norm", ["0", "True"])
@pytest.mark.parametrize("mode", MODES)
def test_an_imported_run_is_as_any_other(
    tmp_path: Path, photo: Path, publish: Publish, mode: str, batch_norm: str
) -> None:
    published = publish(train_mode=mode, batch_norm=batch_norm)
    imported = consingan.import_model(published.folder, runs=tmp_path / "runs")
    run = consingan.open_run("photo", runs=tmp_path / "runs")
    assert run.path == imported.path
    assert (run.mode, run.complete, run.sizes) == (mode, True, SIZES)
    assert load_model(run).amplitudes == published.model.amplitudes
    rebuilt = run.sampler("cpu").reconstruction()
    torch.testing.assert_close(rebuilt, published.rebuilt(), rtol=0, atol=1e-6)
    files = apply(run, photo)
    assert files
    assert all(file.stat().st_size > 0 for file in files)


def test_what_the_run_folder_holds(tmp_path: Path, publish: Publish) -> None:
    published = publish(activation="prelu")
    run = consingan.import_model(str(published.folder), str(tmp_path / "runs"))
    assert run.path.parent == tmp_path / "runs" / "photo"
    assert run.config.preset == "paper"
    assert run.config.plugin.package == "consingan"
    assert run.config.notes == [
        f"imported from {str(published.folder)!r}, trained by the published code"
    ]
    changed = run.options.model_dump(exclude_defaults=True)
    assert changed == {
        "max_size": 24,
        "min_size": 12,
        "train_stages": 3,
        "niter": 7,
        "train_depth": 2,
        "lr_generator": 1e-5,
        "lr_decay": 0.2,
        "critic_steps": 2,
        "filters": 4,
        "layers": 2,
        "activation": "prelu",
    }
    picture = to_tensor(load_picture(run.path / "picture.png").image)
    assert (picture - published.reals[-1]).abs().max() <= 1 / 255
    critic = load_model(run).critic.state_dict()
    for name, weight in published.model.critic.state_dict().items():
        assert torch.equal(critic[name], weight)


def test_the_published_model_rebuilds_its_picture(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    model = shared / "parity" / "published-model"
    assert cli.run(["import", str(model)]) == 0
    command = capsys.readouterr().out.splitlines()[-1].removeprefix("Next: consingan ")
    expected = load_file(model / "expected_reconstruction.safetensors")["reconstruction"]
    rebuilt = consingan.open_run("photo").sampler("cpu").reconstruction()
    torch.testing.assert_close(rebuilt, expected, rtol=0, atol=1e-5)
    assert cli.run([*command.split(), "--num-samples=1"]) == 0
    assert cli.run(["show", "latest"]) == 0
    assert "generation on photo, complete" in capsys.readouterr().out
    assert cli.run(["resume", "latest"]) == 1
    assert "is complete" in capsys.readouterr().err


def test_import_into_another_folder(
    tmp_path: Path, publish: Publish, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "runs"
    assert cli.run(["import", str(publish().folder), "--runs", str(out)]) == 0
    assert f"Imported: {out / 'photo'}" in capsys.readouterr().out
    assert cli.run(["import", str(tmp_path / "nowhere"), "--runs", str(out)]) == 1
    assert "nowhere' is not a folder; give" in capsys.readouterr().err


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_a_gpu_and_of_an_old_torch(
    tmp_path: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch, zipped: bool
) -> None:
    published = publish()
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    torch.save(
        published.fixed,
        published.folder / "fixed_noise.pth",
        _use_new_zipfile_serialization=zipped,
    )
    run = consingan.import_model(published.folder, tmp_path / "runs")
    rebuilt = run.sampler("cpu").reconstruction()
    torch.testing.assert_close(rebuilt, published.rebuilt(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_of_other_precisions_become_float32(
    tmp_path: Path, publish: Publish, dtype: torch.dtype
) -> None:
    published = publish()
    file = published.folder / "2" / "netG.pth"
    weights = torch.load(file, weights_only=True)
    torch.save({name: weight.to(dtype) for name, weight in weights.items()}, file)
    run = consingan.import_model(published.folder, tmp_path / "runs")
    loaded = load_model(run).generator.state_dict()["tail.0.weight"]
    assert torch.equal(loaded, weights["tail.0.weight"].to(dtype).float())


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\t", "   "),
        lambda text: text.replace("\t\n", "\n"),
        lambda text: f"a title\n\n{text}\n-\n",
    ],
)
def test_settings_are_read_whatever_the_blanks(
    tmp_path: Path, publish: Publish, edit: Callable[[str], str]
) -> None:
    folder = publish(noise_amp="0.03125", noise_amp_init="0.2").folder
    file = folder / "parameters.txt"
    file.write_bytes(edit(file.read_text()).encode())
    run = consingan.import_model(folder, tmp_path / "runs")
    assert run.options.lr_generator == 1e-5
    assert run.options.noise_amplitude == 0.2
    assert run.config.picture == "photo"


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("Images/Generation/my-photo.v2.jpeg", "my-photo.v2"),
        ("C:\\pictures\\castle.png", "castle"),
        ("../../../escaped.png", "escaped"),
        ("/etc/passwd", "passwd"),
        ("..", "picture"),
        ("", "picture"),
        ("a\0b*.jpg", "a_b_"),
        ("x" * 200, "x" * 111 + "-" + hashlib.sha256(b"x" * 200).hexdigest()[:8]),
    ],
)
def test_a_pictures_name_stays_in_the_runs_folder(
    tmp_path: Path, publish: Publish, name: str, picture: str
) -> None:
    run = consingan.import_model(publish(input_name=name).folder, tmp_path / "runs")
    assert run.path.parent == tmp_path / "runs" / picture
    assert folder_name(picture) == picture


def test_fine_tuning_keeps_the_fixed_noise(tmp_path: Path, publish: Publish) -> None:
    published = publish(train_mode="editing", batch_norm="True", lr_g="0.0005")
    run = consingan.import_model(published.folder, tmp_path / "runs")
    naive = tiny_image(18, 24, seed=1)
    tuned = consingan.fine_tune(run.path, naive, runs=tmp_path / "runs", device="cpu", niter=1)
    assert tuned.complete
    for kept, fixed in zip(tuned.sampler("cpu").fixed_noise(), published.fixed, strict=True):
        assert torch.equal(kept, fixed)


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_flip, "is damaged: its checksum differs"),
        (lambda file: file.write_bytes(b""), "is damaged: its checksum differs"),
        (Path.unlink, "is missing"),
    ],
)
def test_damaged_fixed_noise_is_noticed(
    tmp_path: Path, publish: Publish, damage: Damage, message: str
) -> None:
    run = consingan.import_model(publish().folder, tmp_path / "runs")
    damage(run.path / "fixed_noise.safetensors")
    with pytest.raises(RunError, match=rf"fixed_noise\.safetensors' {message}"):
        run.apply(device="cpu")


def test_stored_noise_is_given_for_its_own_shape_only() -> None:
    noise = StoredNoise(5, {"0": torch.ones(1, 3, 4, 4)})
    assert torch.equal(noise.fixed(0, 3, whole(Size(4, 4))), torch.ones(1, 3, 4, 4))
    for level, channels, size in ((0, 3, (4, 5)), (0, 4, (4, 4)), (1, 3, (4, 4))):
        with pytest.raises(RunError, match=rf"no stage {level} of {channels} channels"):
            noise.fixed(level, channels, whole(Size(*size)))


# What is refused.


def check_refused(folder: Path, match: str) -> str:
    """The one line that says why, after a check that nothing came of it."""
    out = folder.parent / "runs"
    with pytest.raises(RunError, match=match) as caught:
        consingan.import_model(folder, out)
    assert not out.exists()
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    assert "; " in message, "it says what to do"
    return message


class Evil:
    """Pickled, it is a call of os.system."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch '{self.witness}'",))


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Path]:
    """What code in a pickle would make; it is never there."""
    file = tmp_path / "X"
    yield file
    assert not file.exists(), "code in a pickle was run"


def test_the_evil_pickle_of_these_tests_works(tmp_path: Path) -> None:
    torch.save([Evil(tmp_path / "X")], tmp_path / "evil.pth")
    torch.load(tmp_path / "evil.pth", weights_only=False)
    assert (tmp_path / "X").exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", TENSOR_FILES)
def test_code_is_never_run(
    publish: Publish,
    witness: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    zipped: bool,
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    published = publish()
    file = published.folder / name
    honest = torch.load(file, weights_only=True)
    evil = Evil(witness)
    hostile = {**honest, "evil": evil} if isinstance(honest, dict) else [*honest, evil]
    torch.save(hostile, file, _use_new_zipfile_serialization=zipped)
    check_refused(published.folder, f"{name}' is damaged, or holds more than tensors")


def test_the_whole_module_is_refused(publish: Publish, witness: Path) -> None:
    published = publish()
    for stage in range(3):
        shutil.rmtree(published.folder / str(stage))
    advice = "G.pth' .*pickled module.*N/netG.pth hold the same weights: copy them beside it"
    check_refused(published.folder, advice)
    torch.save(Evil(witness), published.folder / "G.pth")
    check_refused(published.folder, advice)


def test_weights_in_place_of_the_whole_module_are_read(tmp_path: Path, publish: Publish) -> None:
    published = publish()
    shutil.copy(published.folder / "2" / "netG.pth", published.folder / "G.pth")
    for stage in range(3):
        shutil.rmtree(published.folder / str(stage))
    run = consingan.import_model(published.folder, tmp_path / "runs")
    rebuilt = run.sampler("cpu").reconstruction()
    torch.testing.assert_close(rebuilt, published.rebuilt(), rtol=0, atol=1e-6)
    assert "untrained critic" in run.config.notes[1]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02", b"hello", b"\x80\x02]q\x00."])
@pytest.mark.parametrize("name", TENSOR_FILES)
def test_files_of_something_else(publish: Publish, name: str, content: bytes) -> None:
    folder = publish().folder
    (folder / name).write_bytes(content)
    check_refused(folder, f"{name}' ")


@pytest.mark.parametrize("name", TENSOR_FILES)
def test_truncated_files(publish: Publish, name: str) -> None:
    folder = publish().folder
    content = (folder / name).read_bytes()
    for length in range(1, len(content), len(content) // 5):
        (folder / name).write_bytes(content[:length])
        check_refused(folder, f"{name}' is damaged")


@pytest.mark.parametrize("name", ["parameters.txt", *TENSOR_FILES])
def test_files_that_are_none(publish: Publish, tmp_path: Path, name: str) -> None:
    folder = publish().folder
    file, outside = folder / name, tmp_path / "outside"
    file.rename(outside)
    if name != "2/netG.pth":
        check_refused(folder, f"{name}' is missing; copy it again")
    file.symlink_to(outside)
    check_refused(folder, f"{name}' links to a place outside the folder; copy the file itself")
    file.unlink()
    file.symlink_to(file)
    check_refused(folder, f"{name}' cannot be read: ")
    file.unlink()
    file.mkdir()
    check_refused(folder, f"{name}' is not a file")
    file.rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(file)
        check_refused(folder, f"{name}' is not a file")


def test_a_stage_folder_elsewhere_is_not_read(publish: Publish, tmp_path: Path) -> None:
    folder = publish().folder
    (folder / "2").rename(tmp_path / "outside")
    (folder / "2").symlink_to(tmp_path / "outside")
    check_refused(folder, "2/netG.pth' links to a place outside the folder")


@pytest.mark.parametrize(
    ("name", "size"), [("parameters.txt", 10**6 + 1), *((n, 2 * 10**9 + 1) for n in TENSOR_FILES)]
)
def test_huge_files_are_refused_unread(publish: Publish, name: str, size: int) -> None:
    folder = publish().folder
    os.truncate(folder / name, size)
    check_refused(folder, f"{name}' has {size:,} bytes, more than {size - 1:,}")


def test_files_that_unpack_to_more_are_refused(publish: Publish) -> None:
    folder = publish().folder
    with zipfile.ZipFile(folder / "reals.pth", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/9", bytes(10**6))
    check_refused(folder, "reals.pth' is damaged, or holds more than tensors")


def nested_tuples(depth: int) -> bytes:
    """A pickle of a dict whose key is a pair of the same pair of the same pair..."""
    pairs = b"".join(b"h%ch%c\x86q%c" % (k, k, k + 1) for k in range(depth))
    return b"\x80\x02K\x01\x85q\x00" + pairs + b"}h%cK\x01s." % depth


def array_of_zeros(size: int) -> bytes:
    """A pickle of a bytearray that says only how long it is."""
    return b"\x80\x02cbuiltins\nbytearray\n\x8a\x08" + size.to_bytes(8, "little") + b"\x85R."


def test_these_pickles_would_take_time_and_memory(tmp_path: Path) -> None:
    for name, content in (("a", nested_tuples(4)), ("b", array_of_zeros(1000))):
        replace_pickle(tmp_path / name, content)
        loaded = torch.load(tmp_path / name, weights_only=True)
        assert len(loaded) == (1 if name == "a" else 1000)  # torch itself minds neither


@pytest.mark.parametrize("content", [nested_tuples(60), array_of_zeros(2**40)])
@pytest.mark.parametrize("name", TENSOR_FILES)
def test_pickles_that_would_take_for_ever_are_refused(
    publish: Publish, name: str, content: bytes
) -> None:
    folder = publish().folder
    replace_pickle(folder / name, content)
    check_refused(folder, f"{name}' is damaged, or holds more than tensors")
    (folder / name).write_bytes(content * 5)  # as torch wrote before 1.6
    check_refused(folder, f"{name}' is damaged, or holds more than tensors")


def replace_pickle(file: Path, content: bytes) -> None:
    """A file of torch.save with another pickle in it."""
    torch.save([torch.zeros(2)], file)
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, old in entries.items():
            archive.writestr(name, content if name.endswith("data.pkl") else old)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("train_mode", "paint", "no train_mode of generation, retarget"),
        ("train_mode", "../x", "no train_mode"),
        ("niter", "-5", "unusable niter: .*, not '-5'"),
        ("niter", "many", "unusable niter"),
        ("niter", "1" * 100_000, "unusable niter: the number is too large"),
        ("nfc", "0", "unusable nfc"),
        ("nfc", "1000000000", "1000000000 filters"),
        ("nfc", "5", "not a generator with the 5 filters"),
        ("num_layer", "1000000", "unusable num_layer"),
        ("num_layer", "3", "doesn't fit parameters.txt"),
        ("train_stages", "1000000", "unusable train_stages"),
        ("train_stages", "2", "has 3 stages, but parameters.txt says 2"),
        ("train_stages", "4", "has 3 stages, but parameters.txt says 4"),
        ("alpha", "inf", "unusable alpha"),
        ("alpha", "nan", "alpha"),
        ("lr_g", "", "has no lr_g"),
        ("noise_amp", "", "has no noise_amp"),
        ("activation", "__import__", "unusable activation"),
        ("activation", "prelu", "doesn't fit"),
        ("batch_norm", "True", "doesn't fit"),
        ("batch_norm", "perhaps", "unusable batch_norm"),
        ("train_mode", "retarget", "fixed_noise.pth' doesn't fit"),
    ],
)
def test_absurd_settings(publish: Publish, name: str, value: str, message: str) -> None:
    folder = publish().folder
    write_settings(folder, {**SETTINGS, name: value})
    check_refused(folder, message)


def test_parameters_that_are_no_text(publish: Publish) -> None:
    folder = publish().folder
    (folder / "parameters.txt").write_bytes(bytes(range(256)) * 100)
    check_refused(folder, "parameters.txt' has no train_mode")


def wide() -> Tensor:
    """A picture of its own; one tensor saved twice would be refused for that."""
    return torch.zeros(1, 3, 12, 16)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"0": wide()}, "no list of tensors"),
        (wide(), "no list of tensors"),
        ([], "has 0 stages"),
        (
            [wide() for _ in range(4)],
            "has 4 stages, but parameters.txt says 3; import a finished run",
        ),
        (["a", "b", "c"], "something other than tensors"),
        ([[wide()], [wide()], [wide()]], "something other than tensors"),
        ([True, None, b"x"], "holds more than tensors"),
        ([1, 2, 3], "other than pictures"),
        ([torch.zeros(()) for _ in range(3)], "other than pictures"),
        ([wide(), wide(), wide()[:, :1].clone()], "other than pictures"),
        ([wide(), wide(), torch.zeros(1, 3, 12, 15)], "16x12, 16x12, 15x12"),
        ([torch.zeros(1, 3, 0, 0), wide(), wide()], "0x0, 16x12"),
        ([torch.zeros(1, 3, 4, 5), wide(), wide()], "5x4, 16x12"),
        (
            [wide(), wide(), torch.zeros(()).expand(1, 3, 10**5, 10**5)],
            "more numbers than it has bytes",
        ),
        ([wide(), wide(), wide().log()], "infinite or undefined"),
        ([wide(), wide(), wide() / 0], "infinite or undefined"),
        ([wide(), wide(), wide().double() + 1e300], "infinite or undefined"),
        ([wide(), wide(), wide().int()], "something other than tensors"),
        ([wide(), wide(), wide() + 1j], "holds more than tensors"),
        ([wide(), wide(), wide().to_sparse()], "holds more than tensors"),
        ([wide(), wide(), wide().to("meta")], "holds more than tensors"),
    ],
)
def test_odd_reals(publish: Publish, content: object, message: str) -> None:
    folder = publish().folder
    torch.save(content, folder / "reals.pth")
    check_refused(folder, f"reals.pth' .*{message}")


@pytest.mark.parametrize(
    "content",
    [
        [1, 0.25],
        [1, 0.25, 0.125, 0.1],
        [1, 0.25, -0.125],
        [1, 0.25, 1e9],
        [1, 0.25, float("nan")],
        [1, 0.25, float("inf")],
        [1, 0.25, 10**400],
        [1, 0.25, torch.tensor(float("nan"))],
        [1, 0.25, torch.zeros(2)],
        [1, 0.25, "0.125"],
    ],
)
def test_odd_amplitudes(publish: Publish, content: object) -> None:
    folder = publish().folder
    torch.save(content, folder / "noise_amp.pth")
    check_refused(folder, r"noise_amp.pth' (does not )?holds? .*; copy it again")


@pytest.mark.parametrize("name", ["2/netG.pth", "2/netD.pth"])
@pytest.mark.parametrize(
    "change",
    [
        lambda weights: weights.pop("head.conv.bias"),
        lambda weights: weights.update({"evil\n" * 1000: torch.zeros(1)}),
        lambda weights: weights.update({1: torch.zeros(1)}),
        lambda weights: weights.update({"head.conv.bias": torch.zeros(4, 1)}),
        lambda weights: weights.update({"head.conv.weight": torch.zeros(())}),
        lambda weights: weights.update({"head.conv.bias": torch.zeros(()).expand(10**9)}),
        lambda weights: weights.update({"head.conv.bias": torch.full((4,), torch.nan)}),
        lambda weights: weights.update({"head.conv.bias": "none"}),
        lambda weights: weights.update(
            {"head.conv.weight": torch.zeros(()).expand(10**9, 3, 3, 3)}
        ),
    ],
)
def test_odd_weights(publish: Publish, name: str, change: Callable[[Any], object]) -> None:
    folder = publish(nfc="4").folder
    weights = torch.load(folder / name, weights_only=True)
    change(weights)
    torch.save(weights, folder / name)
    check_refused(folder, f"{name}' ")


def test_views_of_one_tensor_cannot_fill_the_memory(publish: Publish) -> None:
    folder, one = publish().folder, torch.zeros(10**5)
    torch.save([one[: 10**5 - k] for k in range(3)], folder / "fixed_noise.pth")
    check_refused(folder, "fixed_noise.pth' claims more numbers than it has bytes for")


def test_fixed_noise_of_another_shape(publish: Publish) -> None:
    published = publish()
    torch.save([*published.fixed[:2], wide()], published.folder / "fixed_noise.pth")
    check_refused(published.folder, "fixed_noise.pth' doesn't fit .* at tensor '2'")


def test_an_unfinished_run(publish: Publish) -> None:
    folder = publish().folder
    (folder / "2" / "netG.pth").unlink()
    check_refused(folder, "1' is the last stage folder, but parameters.txt says 3 stages")
    shutil.copytree(folder / "1", folder / "2", dirs_exist_ok=True)
    check_refused(folder, "2/netG.pth' doesn't fit")
    shutil.copytree(folder / "1", folder / "7")
    check_refused(folder, "7' is the last stage folder")


def test_a_folder_of_nothing(tmp_path: Path, publish: Publish) -> None:
    (tmp_path / "empty").mkdir()
    check_refused(tmp_path / "empty", "trained, or give the folder that has it")
    check_refused(tmp_path / "nowhere", "nowhere' is not a folder")
    folder = publish().folder
    for stage in range(3):
        shutil.rmtree(folder / str(stage))
    (folder / "G.pth").unlink()
    check_refused(folder, "has no stage folders 0, 1")


class Pickled:
    """Pickled, it is whatever `__reduce__` could say."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def test_a_dict_with_replaced_methods_is_harmless(tmp_path: Path, publish: Publish) -> None:
    published = publish()
    file = published.folder / "2" / "netG.pth"
    weights = torch.load(file, weights_only=True)
    replaced = {method: OrderedDict for method in ("items", "keys", "values", "get")}
    torch.save(Pickled(OrderedDict, (), replaced, None, iter(weights.items())), file)
    assert torch.load(file, weights_only=True).items is OrderedDict
    run = consingan.import_model(published.folder, tmp_path / "runs")
    rebuilt = run.sampler("cpu").reconstruction()
    torch.testing.assert_close(rebuilt, published.rebuilt(), rtol=0, atol=1e-6)


def test_tensors_with_replaced_methods_are_refused(publish: Publish) -> None:
    folder = publish().folder
    weights = torch.load(folder / "2" / "netG.pth", weights_only=True)
    for method in ("detach", "to", "numel", "isfinite"):
        setattr(weights["tail.0.bias"], method, complex)
    torch.save(weights, folder / "2" / "netG.pth")
    loaded = torch.load(folder / "2" / "netG.pth", weights_only=True)
    assert loaded["tail.0.bias"].to is complex
    check_refused(folder, "netG.pth' is damaged, or holds more than tensors")


def test_a_runs_folder_that_is_a_file(tmp_path: Path, publish: Publish) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="cannot create a run"):
        consingan.import_model(publish().folder, tmp_path / "runs")
