"""Start-up: ``mx --help`` beside ``python -c pass``, wall time, in turns."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
TARGET = 6.0
"""At most so many times a bare Python."""


def main() -> None:
    """Print both medians and their ratio."""
    contenders = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "mx --help": [str(Path(sys.executable).with_name("mx")), "--help"],
    }
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, words in contenders.items():
            begun = time.perf_counter()
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
            took[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(times) for name, times in took.items()}
    for name, median in medians.items():
        print(f"{name:<16} {median * 1000:7.1f} ms")
    ratio = medians["mx --help"] / medians["python -c pass"]
    print(f"ratio            {ratio:7.2f}x   (target: at most {TARGET:g}x)")


if __name__ == "__main__":
    main()
