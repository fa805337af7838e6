"""The stages of dvc.yaml, one module for each."""

import pipeline.runtime.loaded_code  # noqa: F401 (notes the state of the code before the stage loads it)
