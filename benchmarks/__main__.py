"""Run the benchmarks, one after the other, and show all their rows.

    python benchmarks [--quick] [--peers .venv-peers/bin/python] [--only NAME ...]

Each program can also be run alone. The rows of a full run are kept in benchmarks/results.json and written
into docs/benchmarks.md; a quick run only shows that all programs run. The other programs of this folder
(cascades, dedup_calibration, seeds) are studies behind single settings.
"""

import subprocess
import sys
from pathlib import Path

from _document import write_document
from _results import Row, as_table, load, parser
from rich.console import Console

HERE = Path(__file__).parent
PROGRAMS = (
    "recordings",
    "quality",
    "incremental",
    "memory",
    "scaling",
    "near_duplicates",
    "auditing",
    "training",
)
WITH_PEERS = ("recordings", "near_duplicates")


def main() -> None:
    """Run the programs; exit with the number of those that failed."""
    options_of = parser(__doc__)
    options_of.add_argument(
        "--peers", metavar="PYTHON", help="interpreter that has the packages of peers.txt"
    )
    options_of.add_argument("--only", nargs="+", choices=PROGRAMS, default=PROGRAMS, metavar="NAME")
    options = options_of.parse_args()
    failed = 0
    for name in options.only:
        print(f"\n=== {name}", flush=True)
        more = ["--quick"] if options.quick else []
        more += ["--peers", options.peers] if options.peers and name in WITH_PEERS else []
        failed += subprocess.run([sys.executable, str(HERE / f"{name}.py"), *more]).returncode != 0
    if not (options.quick or failed):
        write_document()
        Console(width=180).print(as_table([Row(**row) for part in load().values() for row in part["rows"]]))
    sys.exit(failed)


if __name__ == "__main__":
    main()
