"""Run every benchmark, one after the other: `python -m benchmarks`."""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run all programs of this folder; exit with the number that failed."""
    programs = sorted(p for p in Path(__file__).parent.glob("*.py") if not p.name.startswith("_"))
    failed = 0
    for program in programs:
        print(f"\n=== {program.name}", flush=True)
        failed += subprocess.run([sys.executable, str(program)]).returncode != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
