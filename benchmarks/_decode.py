"""The limit: decode all frames of the recordings and do nothing else.

    python benchmarks/_decode.py WORKERS VIDEO [VIDEO ...]

One process per worker, one thread per process, as in emo's stages; the longest recordings first.
"""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import av


def decode(video: str) -> int:
    """Decode all frames of a recording; return how many there are."""
    with av.open(video) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def main() -> None:
    """Decode the recordings named on the command line."""
    workers, videos = int(sys.argv[1]), sorted(sys.argv[2:], key=lambda name: -Path(name).stat().st_size)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        print(sum(pool.map(decode, videos)))


if __name__ == "__main__":
    main()
