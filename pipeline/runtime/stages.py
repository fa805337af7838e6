"""The stages of dvc.yaml, in the order in which they run."""

BUILDING = ("frames", "faces", "dedup", "split", "dataset")
"""The stages that an image goes through; the dataset card describes their settings."""

GATE = "audit"
"""The stage that stops the pipeline if the dataset fails a check."""

LEARNING = ("train", "evaluate")

STAGES = (*BUILDING, GATE, *LEARNING)

SECTIONS = tuple(stage for stage in STAGES if stage != GATE)
"""The sections of params.yaml: the stages that have settings."""
