"""Stage faces: data/frames -> data/faces/<clip>.parquet, the participant's face in every frame."""

from collections.abc import Iterable
from pathlib import Path

import pipeline.runtime  # noqa: F401 (first: Ctrl-C while the others load)
from pipeline.faces.clip_faces import write_faces
from pipeline.faces.params import FacesParams
from pipeline.runtime.cache import Shard, build_shards, cache_root
from pipeline.runtime.digests import sha256_all
from pipeline.runtime.params import load_params
from pipeline.runtime.paths import FACES, FRAMES
from pipeline.runtime.stage import logger, run_stage
from pipeline.runtime.text import listed
from pipeline.schema.clip_shards import shard_names


def main() -> None:
    """Detect, track and crop the faces of all clips in data/frames."""
    params = load_params("faces", FacesParams)
    paths = {name: FRAMES / f"{name}.parquet" for name in shard_names(FRAMES)}
    digests = sha256_all(paths.values(), cache_root() / "frames.json")
    shards = [Shard(name, path, digests[path], params) for name, path in paths.items()]
    build_shards("faces", shards, write_faces, FACES)
    if params.settings.EXPECTS_CROPS:
        _warn_of_videos(paths.values())


def _warn_of_videos(paths: Iterable[Path]) -> None:
    """Warn if a detector that expects face crops was used on video."""
    import pyarrow.parquet as pq  # after `pipeline.runtime`, as in all stages

    videos = [path.stem for path in paths if pq.read_metadata(path).num_rows > 1]
    if videos:
        logger.warning(
            "the detector uses whole frames as face crops, but %d clips are video (%s); for recordings set "
            "faces: detector: haar in params.yaml",
            len(videos),
            listed(videos, 3),
        )


if __name__ == "__main__":
    run_stage("pipeline.stages.faces")
