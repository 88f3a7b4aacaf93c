"""Where built things are kept between runs: dependencies, assets, environments of the embedded cloud."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """Return the folder of this project's cache; it may not exist yet.

    `$TSUNAGU_CACHE_DIR`, else `$XDG_CACHE_HOME/tsunagu`, else `~/.cache/tsunagu`. Everything in it is found by a hash
    of what it was built from, and may be deleted at any time.
    """
    if own := os.environ.get("TSUNAGU_CACHE_DIR"):
        return Path(own).absolute()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).absolute() / "tsunagu"
    return Path.home() / ".cache" / "tsunagu"
