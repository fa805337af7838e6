"""Deinterlacing: a frame of two fields, taken at two times, becomes a frame of the first field's time.

FFmpeg's filter `bwdif` interpolates the lines of the second field from the frame itself and the frames before
and after it. It is run on these three alone, which gives the same bytes as running it on the whole recording.
"""

from collections.abc import Iterable, Iterator

import av
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

_INTERLACED = frozenset({2, 3, 4, 5})
"""Field orders other than progressive (1) and unknown (0) (FFmpeg's AVFieldOrder)."""


def is_interlaced(context: VideoCodecContext) -> bool:
    """Return whether a stream is marked as interlaced; single frames may still be progressive."""
    return int(context.field_order) in _INTERLACED


def deinterlaced(before: VideoFrame | None, frame: VideoFrame, after: VideoFrame | None) -> VideoFrame:
    """Return a frame without its second field; a progressive frame is returned as it is.

    Neighbours are missing at the ends of a recording and where it is damaged; their size must not differ.
    """
    if not frame.interlaced_frame:
        return frame
    neighbours = [other if other and _is_alike(other, frame) else None for other in (before, after)]
    if neighbours == [None, None]:
        return frame
    first, last = neighbours[0] or neighbours[1], neighbours[1] or neighbours[0]
    graph = _graph(frame)
    results = list(_filtered(graph, (first, frame, last)))
    return results[1]


def _is_alike(one: VideoFrame, two: VideoFrame) -> bool:
    return (one.width, one.height, one.format.name) == (two.width, two.height, two.format.name)


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    graph.link_nodes(
        source, graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"), graph.add("buffersink")
    )
    graph.configure()
    return graph


def _filtered(graph: Graph, frames: Iterable[VideoFrame | None]) -> Iterator[VideoFrame]:
    for frame in (*frames, None):
        graph.vpush(frame)
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
