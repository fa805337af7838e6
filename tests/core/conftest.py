"""Makes the tasks of worker processes (`tasks`) importable."""
