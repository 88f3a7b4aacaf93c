"""Handler packages to synthesize: empty ones, and the same with a large dependency, which comes from a local wheel."""

import base64
import hashlib
import random
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

FUNCTIONS = 8
DEPENDENCY_BYTES = 48_000_000
BINARY_BYTES = 2_000_000  # of one compiled file; half of the dependency is compiled
HANDLER = "def handler(event, context):\n    return event\n"
DISTRIBUTION = "bench_dependency"
WHEEL = f"{DISTRIBUTION}-1.0-py3-none-any.whl"


def write_packages(folder: Path, lock: str = "") -> None:
    """Write a handler package for each function.

    Args:
        folder: Where.
        lock: Lock of each of them. Default: no dependencies.
    """
    for number in range(FUNCTIONS):
        package = folder / f"function_{number}"
        package.mkdir(parents=True)
        (package / "handler.py").write_text(HANDLER)
        if lock:
            (package / "requirements.txt").write_text(lock)


def write_wheel(folder: Path) -> str:
    """Write a wheel with much in it, and return the lock that names it.

    Its files are those of the standard library, over and over, and as many bytes that cannot be compressed.
    """
    folder.mkdir(parents=True)
    path = folder / WHEEL
    info = f"{DISTRIBUTION}-1.0.dist-info"
    metadata = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: benchmark\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    records = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in (*_files(), *metadata.items()):
            archive.writestr(name, content)
            records.append(f"{name},sha256={_record_hash(content)},{len(content)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*records, f"{info}/RECORD,,", ""]))
    return f"{DISTRIBUTION}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def _files() -> Iterator[tuple[str, bytes]]:
    numbers = random.Random(48)  # noqa: S311 - the same bytes in each run
    for number in range(DEPENDENCY_BYTES // 2 // BINARY_BYTES):
        yield f"{DISTRIBUTION}/compiled_{number}.bin", numbers.randbytes(BINARY_BYTES)
    yield f"{DISTRIBUTION}/__init__.py", b""
    modules = [path.read_bytes() for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))]
    left, number = DEPENDENCY_BYTES // 2, 0
    while left > 0:
        content = modules[number % len(modules)]
        yield f"{DISTRIBUTION}/module_{number}.py", content
        left, number = left - len(content), number + 1


def _record_hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
