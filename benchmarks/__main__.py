"""``make bench``: every benchmark in turn, each printing its figures side by side."""

import sys

from benchmarks import buffering, gateway, restart, slack_ack, startup, timeline, triage, watching

BENCHMARKS = (startup, triage, timeline, restart, slack_ack, gateway, buffering, watching)


def run() -> None:
    """All of them, or those named on the command line."""
    wanted = set(sys.argv[1:])
    for benchmark in BENCHMARKS:
        name = benchmark.__name__.rpartition(".")[2]
        if not wanted or name in wanted:
            print(f"\n== {name}: {(benchmark.__doc__ or '').splitlines()[0]}", flush=True)
            benchmark.main()


run()
