"""TensorBoard's reader reads the written values."""

from __future__ import annotations

import builtins
import io
import subprocess
import sys
import threading
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from fitwell import events
from fitwell.errors import FileError, InvalidArgument, MissingExtra, StateError

Read = Callable[[Path], Any]


def tensors(reader: Any, tag: str) -> list[tuple[int, Any]]:
    from tensorboard.util.tensor_util import make_ndarray

    return [(event.step, make_ndarray(event.tensor_proto)) for event in reader.Tensors(tag)]


def plugin(reader: Any, tag: str) -> str:
    return reader.SummaryMetadata(tag).plugin_data.plugin_name


def test_scalars(tmp_path: Path, read: Read) -> None:
    with events.create_file_writer(tmp_path).as_default() as writer:
        for step in range(3):
            events.scalar("loss", 1 / (step + 1), step=step)
        events.scalar("other", np.float64(7), step=1_000_000_000_000)
    writer.close()
    reader = read(tmp_path)
    assert tensors(reader, "loss") == [(0, 1.0), (1, 0.5), (2, np.float32(1 / 3))]
    assert tensors(reader, "other") == [(10**12, 7.0)]
    assert plugin(reader, "loss") == "scalars"


@pytest.mark.parametrize(
    "values",
    [np.random.default_rng(0).normal(size=(50, 3)), np.array([2.0, 2.0]), np.array([]), np.array([1, 5, 5])],
    ids=["many", "equal", "none", "whole"],
)
def test_histograms_are_those_of_tensorboard(values: np.ndarray, tmp_path: Path, read: Read) -> None:
    from tensorboard.plugins.histogram.summary_v2 import histogram_pb
    from tensorboard.util.tensor_util import make_ndarray

    writer = events.create_file_writer(tmp_path)
    writer.histogram("h", values, 0)
    writer.close()
    reader = read(tmp_path)
    ((_, ours),) = tensors(reader, "h")
    np.testing.assert_allclose(ours, make_ndarray(histogram_pb("h", values).value[0].tensor))
    assert plugin(reader, "h") == "histograms"


def test_histograms_leave_out_what_is_not_finite(tmp_path: Path, read: Read) -> None:
    writer = events.create_file_writer(tmp_path)
    writer.histogram("h", np.array([1.0, np.nan, 2.0, np.inf]), 0, buckets=2)
    writer.close()
    ((_, table),) = tensors(read(tmp_path), "h")
    np.testing.assert_array_equal(table, [[1, 1.5, 1], [1.5, 2, 1]])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images(channels: int, tmp_path: Path, read: Read) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 6, channels), dtype=np.uint8)
    writer = events.create_file_writer(tmp_path)
    writer.image("bytes", pixels, 3)
    writer.image("floats", pixels / 255, 3, max_outputs=1)
    writer.close()
    reader = read(tmp_path)
    for tag, count in (("bytes", 3), ("floats", 1)):
        ((step, content),) = tensors(reader, tag)
        assert (step, content[0], content[1], len(content)) == (3, b"6", b"4", count + 2)
        for png, picture in zip(content[2:], pixels, strict=False):
            read_back = np.asarray(Image.open(io.BytesIO(png))).reshape(4, 6, channels)
            np.testing.assert_array_equal(read_back, picture)
        assert plugin(reader, tag) == "images"


def test_figures_strings_audio_and_hyperparameters(tmp_path: Path, read: Read) -> None:
    from matplotlib.figure import Figure
    from PIL import Image
    from tensorboard.plugins.hparams import metadata

    figure = Figure(figsize=(2, 1), dpi=50)
    figure.subplots().plot([1, 2])
    sound = np.sin(np.linspace(0, 20, 800))[None, :, None]
    with events.create_file_writer(tmp_path).as_default() as writer:
        events.figure("figure", figure, step=1)
        events.text("text", "**bold**", step=1)
        events.text("texts", ["a", "b"], step=1)
        events.audio("sound", sound, 8000, step=1)
        events.hparams({"rate": 0.1, "layers": 3, "name": "x", "norm": True})
    writer.close()
    reader = read(tmp_path)
    picture = tensors(reader, "figure")[0][1][2]
    assert Image.open(io.BytesIO(picture)).size == (100, 50)
    assert tensors(reader, "text")[0][1] == b"**bold**"
    assert tensors(reader, "texts")[0][1].tolist() == [b"a", b"b"]
    with wave.open(io.BytesIO(tensors(reader, "sound")[0][1][0, 0])) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (8000, 1, 800)
        frames = np.frombuffer(file.readframes(800), "<i2") / 32767
        np.testing.assert_allclose(frames, sound.ravel(), atol=1 / 32767)
    assert [plugin(reader, tag) for tag in ("text", "sound")] == ["text", "audio"]
    (tag,) = reader.PluginTagToContent("hparams")
    content = reader.PluginTagToContent("hparams")[tag]
    found = metadata.parse_session_start_info_plugin_data(content).hparams
    assert found["rate"].number_value == 0.1 and found["name"].string_value == "x"
    assert found["layers"].number_value == 3 and found["norm"].bool_value


def test_arrays_may_be_changed_afterwards(tmp_path: Path, read: Read) -> None:
    writer = events.create_file_writer(tmp_path)
    go = threading.Event()
    writer.add(lambda: go.wait(20) and None, None)  # the thread is busy: what follows waits in the queue
    values = np.zeros(3)
    writer.histogram("h", values, 0)
    values[:] = 9
    go.set()
    with pytest.raises(AttributeError):  # that event was none
        writer.flush()
    writer.close()
    ((_, table),) = tensors(read(tmp_path), "h")
    assert table[-1].tolist() == [0, 0, 3]


def test_writing_does_not_wait_and_flush_does(tmp_path: Path, read: Read) -> None:
    writer = events.create_file_writer(tmp_path)
    go = threading.Event()

    def slow() -> Any:
        from tensorboard.compat.proto.event_pb2 import Event

        assert go.wait(20)
        return Event()

    writer.add(slow, None)
    for step in range(2000):
        writer.scalar("x", step, step)
    assert read(tmp_path).Tags()["tensors"] == []
    go.set()
    writer.flush()
    assert len(read(tmp_path).Tensors("x")) == 2000 or len(tensors(read(tmp_path), "x")) == 2000
    writer.close()


def test_mistakes_raise(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="create_file_writer"):
        events.scalar("x", 1, step=0)
    writer = events.create_file_writer(tmp_path)
    with writer.as_default(), pytest.raises(InvalidArgument, match="needs a step"):
        events.scalar("x", 1)
    with pytest.raises(InvalidArgument, match="expected one number"):
        writer.scalar("x", [1, 2], 0)
    with pytest.raises(InvalidArgument, match="1 to 4 channels"):
        writer.image("x", np.zeros((3, 3)), 0)
    with pytest.raises(InvalidArgument, match="floats from 0 to 1, got int64"):
        writer.image("x", np.full((1, 3, 3, 1), 100), 0)
    writer.close()
    with pytest.raises(InvalidArgument, match="is closed"):
        writer.scalar("x", 1, 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write events"):
        events.create_file_writer(tmp_path / "file")


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("scalar", ["s", "fast", 0], "scalar 's': data must be a number or an array of numbers, got 'fast'"),
        ("scalar", ["s", None, 0], "scalar 's': data must be a number or an array of numbers, got None"),
        ("histogram", ["h", [[1, 2], [3]], 0], "histogram 'h': data"),
        ("image", ["i", np.zeros((1, 0, 4, 3)), 0], r"got shape \(1, 0, 4, 3\)"),
        ("audio", ["a", np.zeros(3), 8000, 0], r"expected \[clips, frames, channels\]"),
        ("text", ["t", 5, 0], "text 't': data must be a string or an array of strings, got 5"),
        ("figure", ["f", None, 0], "figure must be a Matplotlib figure, got None"),
        ("hparams", [{"rates": [0.1]}], "hparams: 'rates' must be a number, a string or a boolean"),
        ("hparams", [{5: 0.1}], "hparams: names must be strings, got 5"),
        ("graph", [5], "model must be a model, got 5"),
    ],
)
def test_invalid_values_raise_at_the_call(
    tmp_path: Path, read: Read, kind: str, arguments: list[Any], message: str
) -> None:
    writer = events.create_file_writer(tmp_path)
    with pytest.raises(InvalidArgument, match=message):
        getattr(writer, kind)(*arguments)
    writer.scalar("bf", jnp.bfloat16(2), 0)
    writer.close()
    assert [float(value) for _, value in tensors(read(tmp_path), "bf")] == [2]


def test_without_tensorboard_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fitwell.events import tensorboard_protos

    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return real(name, *rest, **named)

    tensorboard_protos.load_protos.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"pip install 'fitwell\[tensorboard\]'"):
        events.create_file_writer(tmp_path)


def test_tensorflow_is_not_imported_and_events_survive_the_end_of_a_process(
    tmp_path: Path, read: Read
) -> None:
    code = (
        "import sys; from fitwell import events; writer = events.create_file_writer(sys.argv[1]);"
        "[writer.scalar('x', i, i) for i in range(50)]; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=120)
    assert len(tensors(read(tmp_path), "x")) == 50


def test_a_full_disk_raises_once_and_leaves_a_readable_file(tmp_path: Path, read: Read) -> None:
    # A limit on the size of files simulates a full disk, in a separate process, because it would end this one.
    code = (
        "import resource, signal, sys\n"
        "from fitwell import events\n"
        "from fitwell.errors import FileError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "writer = events.create_file_writer(sys.argv[1])\n"
        "def report(do):\n"
        "    try: do()\n"
        "    except FileError as error: print(error)\n"
        "with writer.as_default():\n"
        "    report(lambda: [events.scalar('loss', 0.5, step=step) for step in range(99)])\n"
        "for _ in range(3): report(writer.flush)\n"
        "report(writer.close)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=100
    )
    assert done.stderr == ""
    assert done.stdout.count("cannot write") == 1
    assert "File too large" in done.stdout
    (file,) = tmp_path.iterdir()
    assert 1000 < file.stat().st_size <= 2000
    steps = [step for step, _ in tensors(read(tmp_path), "loss")]
    assert steps == list(range(len(steps)))
    assert len(steps) > 10


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_invalid_folders_raise(name: str) -> None:
    with pytest.raises(FileError, match="log_dir: "):
        events.create_file_writer(name)
