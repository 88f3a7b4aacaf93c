"""The folder in which built things are kept between runs: dependencies, assets, environments of the embedded cloud."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """Return the folder of the cache. It may not exist yet.

    It is `$TSUNAGU_CACHE_DIR`, or else `$XDG_CACHE_HOME/tsunagu`, or else `~/.cache/tsunagu`. Each entry is named by a
    hash of its sources. Everything in the folder may be deleted at any time.
    """
    if own := os.environ.get("TSUNAGU_CACHE_DIR"):
        return Path(own).absolute()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).absolute() / "tsunagu"
    return Path.home() / ".cache" / "tsunagu"
