"""Reverse proxying on one core: requests per CPU-second, added latency and memory, beside nginx and mitmproxy."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

CONNECTIONS = 64
ROUNDS = 3
SECONDS = 2.0
SEQUENTIAL = 2000
MITMPROXY = Path(".venv/mitmproxy/bin/mitmdump")
"""In an environment of its own: its dependencies are not ours."""
PYTHONS = ("python3.14", "python3.13", "python3.12", sys.executable)
"""Its newest version wants a newer Python than ours; the first that is there is taken."""


@dataclass
class Running:
    """A proxy that runs: where, and which processes are its."""

    port: int
    pids: list[int]


@dataclass
class Figures:
    """What was measured of one proxy, one entry a round."""

    per_cpu_second: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    resident_mb: float = 0.0


def main() -> None:
    """Print the table; contenders that are not installed are named with how to install them."""
    if not Path("/proc/self/stat").exists() or not hasattr(os, "sched_setaffinity"):
        print("needs Linux: CPU time and memory are read from /proc")
        return
    cores = sorted(os.sched_getaffinity(0))
    ours, theirs = {cores[0]}, {cores[-1]}
    if ours == theirs:
        print("only one core: proxy and load share it, so read the ratios with care")
    mitmdump = _mitmdump()
    contenders: dict[str, Callable[[int, Path], Running]] = {
        "mx gateway, uvloop": lambda port, folder: _mx(port, folder, "uvloop"),
        "mx gateway, asyncio": lambda port, folder: _mx(port, folder, "asyncio"),
    }
    if nginx := shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin"):
        contenders["nginx"] = lambda port, folder: _nginx(nginx, port, folder)
    else:
        print("nginx is not installed (Debian: apt-get install nginx-light); its row is left out")
    if mitmdump:
        contenders["mitmproxy"] = lambda port, _: _mitmproxy(mitmdump, port)
    else:
        print("mitmproxy is not installed and could not be; its row is left out")
    found = {name: Figures() for name in contenders}
    direct = Figures()
    with ExitStack() as stack:
        upstream = stack.enter_context(_upstream(theirs))
        running = {}
        for name, start in contenders.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            running[name] = stack.enter_context(_started(start, upstream, folder, ours))
        for _ in range(ROUNDS):
            _sequential(upstream, direct, theirs)
            for name, proxy in running.items():
                _sequential(proxy.port, found[name], theirs)
                _parallel(proxy, found[name], theirs)
    _table(found, direct)


def _table(found: dict[str, Figures], direct: Figures) -> None:
    peers = {name: median(found[name].per_cpu_second) for name in ("mitmproxy", "nginx") if name in found}
    added = {name: median(f.p50) - median(direct.p50) for name, f in found.items()}
    print(f"{CONNECTIONS} connections, 1 kB JSON, medians of {ROUNDS} rounds of {SECONDS:g} s")
    print(
        f"{'':22}{'req/CPU-s':>10}{'x mitm':>8}{'of nginx':>9}{'p50 +ms':>9}{'x nginx':>8}{'p99 +ms':>9}{'RSS MB':>8}"
    )
    for name, figures in found.items():
        speed = median(figures.per_cpu_second)
        row = [
            f"{name:22}{speed:>10,.0f}",
            f"{speed / peers['mitmproxy']:>8.1f}" if "mitmproxy" in peers else f"{'-':>8}",
            f"{speed / peers['nginx']:>9.2f}" if "nginx" in peers else f"{'-':>9}",
            f"{added[name]:>9.2f}",
            f"{added[name] / added['nginx']:>8.1f}" if "nginx" in added else f"{'-':>8}",
            f"{median(figures.p99) - median(direct.p99):>9.2f}",
            f"{figures.resident_mb:>8.0f}",
        ]
        print("".join(row))
    print("targets: at least 5x mitmproxy; p50 at most 2.5x what nginx adds; p99 under 5 ms; under 80 MB")


def _parallel(proxy: Running, figures: Figures, cores: set[int]) -> None:
    before = sum(_cpu_seconds(pid) for pid in proxy.pids)
    requests, _ = _measure(cores, "drive", str(proxy.port), str(CONNECTIONS), str(SECONDS))
    spent = sum(_cpu_seconds(pid) for pid in proxy.pids) - before
    figures.per_cpu_second.append(requests / spent)
    figures.resident_mb = max(figures.resident_mb, sum(_resident_mb(pid) for pid in proxy.pids))


def _sequential(port: int, figures: Figures, cores: set[int]) -> None:
    _measure(cores, "latency", str(port), "200")
    p50, p99 = _measure(cores, "latency", str(port), str(SEQUENTIAL))
    figures.p50.append(p50)
    figures.p99.append(p99)


def _measure(cores: set[int], *arguments: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.load", *arguments]
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    first, second = done.stdout.split()
    return float(first), float(second)


@contextmanager
def _upstream(cores: set[int]) -> Iterator[int]:
    process = _spawn([sys.executable, "-m", "benchmarks.load", "upstream"], cores)
    try:
        yield int(_line(process))
    finally:
        _end(process)


@contextmanager
def _started(
    start: Callable[[int, Path], Running], upstream: int, folder: Path, cores: set[int]
) -> Iterator[Running]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)  # inherited by what is started now
    try:
        running = start(upstream, folder)
    finally:
        os.sched_setaffinity(0, before)
    try:
        yield running
    finally:
        for pid in running.pids[:1]:
            os.kill(pid, 15)
            os.waitpid(pid, 0)


def _mx(upstream: int, folder: Path, loop: str) -> Running:
    url = f"http://127.0.0.1:{upstream}/v1"
    process = _spawn([sys.executable, "-m", "benchmarks.gateway_process", url, str(folder), loop], None)
    port = int(_line(process).rpartition(":")[2])
    lease = json.dumps({"paused_jobs": ["nightly"], "owner": "bench", "reason": "bench", "ttl_s": 3600})
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/-/leases/bench", data=lease.encode(), method="PUT"
    )
    with urllib.request.urlopen(asked, timeout=5):  # noqa: S310
        pass
    return Running(port, [process.pid])


def _nginx(program: str, upstream: int, folder: Path) -> Running:
    port = _free_port()
    configuration = f"""
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; keepalive_requests 100000000;
  upstream u {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}
"""
    (folder / "nginx.conf").write_text(configuration)
    process = _spawn([program, "-c", str(folder / "nginx.conf"), "-p", str(folder)], None)
    _wait_for(port)
    return Running(port, [process.pid])


def _mitmproxy(program: str, upstream: int) -> Running:
    port = _free_port()
    mode = f"reverse:http://127.0.0.1:{upstream}"
    process = _spawn(
        [program, "-q", "--mode", mode, "--listen-host", "127.0.0.1", "--listen-port", str(port)], None
    )
    _wait_for(port)
    return Running(port, [process.pid])


def _mitmdump() -> str | None:
    """The program, installed on the first run where the package index can be reached."""
    if found := shutil.which("mitmdump"):
        return found
    if not MITMPROXY.exists():
        python = next(program for program in PYTHONS if _works(program))
        print(f"installing mitmproxy beside {python} into {MITMPROXY.parent.parent}, once", flush=True)
        folder = MITMPROXY.parent.parent
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "-qqq", "mitmproxy>=11,<13"]
        for command in ([python, "-m", "venv", str(folder)], pip):
            if subprocess.run(command, check=False).returncode:
                shutil.rmtree(folder, ignore_errors=True)
                return None
    version = subprocess.run([MITMPROXY, "--version"], check=True, capture_output=True, text=True).stdout
    print(" ".join(version.split()[:4]))
    return str(MITMPROXY.resolve())


def _works(python: str) -> bool:
    try:
        return not subprocess.run([python, "--version"], check=False, capture_output=True).returncode
    except OSError:
        return False


def _spawn(command: list[str], cores: set[int] | None) -> "subprocess.Popen[str]":
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if cores is not None:
        os.sched_setaffinity(process.pid, cores)
    return process


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        sys.exit(f"{process.args!r} ended before it was ready")
    return line


def _end(process: "subprocess.Popen[str]") -> None:
    process.communicate(timeout=10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)  # noqa: TID251 - the bench waits for a program of somebody else's
        else:
            return
    sys.exit(f"nothing listens on port {port} after 15 s")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
