"""Which process called: found in /proc by the port that it called from."""

from collections.abc import Iterable
from pathlib import Path

_LOCALHOST = "0100007F"  # 127.0.0.1, as Linux writes it
_LOCAL_ADDRESS, _INODE = 1, 9  # columns of /proc/net/tcp


def process_at_port(port: int, candidates: Iterable[int]) -> int | None:
    """Return which of the processes `candidates` holds the connection from `port` of 127.0.0.1; None when none does."""
    inode = _inode_of(port)
    if inode is None:
        return None
    return next((process_id for process_id in candidates if f"socket:[{inode}]" in _open_files(process_id)), None)


def _inode_of(port: int) -> str | None:
    address = f"{_LOCALHOST}:{port:04X}"
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return next((columns[_INODE] for columns in lines if columns[_LOCAL_ADDRESS] == address), None)


def _open_files(process_id: int) -> set[str]:
    links = Path(f"/proc/{process_id}/fd")
    try:
        return {str(link.readlink()) for link in links.iterdir()}
    except OSError:  # it ended, or closed a file meanwhile
        return set()
