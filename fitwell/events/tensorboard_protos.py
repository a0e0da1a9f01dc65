"""The parts of the tensorboard package that fitwell uses, imported when they are first needed."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

from fitwell.errors import missing_extra_error

__all__ = ["load_protos"]


@functools.cache
def load_protos() -> Any:
    """Import and return TensorBoard's protocol buffers and record writer, without importing TensorFlow."""
    try:
        from tensorboard.compat.proto import event_pb2, graph_pb2, summary_pb2
        from tensorboard.plugins.audio import metadata as audio
        from tensorboard.plugins.histogram import metadata as histogram
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.plugins.image import metadata as image
        from tensorboard.plugins.scalar import metadata as scalar
        from tensorboard.plugins.text import metadata as text
        from tensorboard.summary.writer.record_writer import RecordWriter
        from tensorboard.util.tensor_util import make_tensor_proto
    except ImportError:
        raise missing_extra_error(
            "tensorboard", "tensorboard", "writing event files for TensorBoard"
        ) from None
    return SimpleNamespace(
        Event=event_pb2.Event,
        GraphDef=graph_pb2.GraphDef,
        Summary=summary_pb2.Summary,
        RecordWriter=RecordWriter,
        make_tensor=make_tensor_proto,
        hparams=hparams_pb,
        scalar=scalar,
        histogram=histogram,
        image=image,
        audio=audio,
        text=text,
    )
