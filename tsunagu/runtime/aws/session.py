"""The SDK's session, with which the first client takes half the time.

botocore lists some 900 folders to find out which services there are, and reads two megabytes of JSON into ordered
dicts, twice as long and large as plain ones. This session knows its services, and plain dicts keep the order too.
"""

import functools
import gzip
import json
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import JSONFileLoader

_CLIENTS = ["dynamodb", "s3", "sns", "sqs", "stepfunctions"]
_CREDENTIALS = ["signin", "sso", "sso-oidc", "sts"]  # botocore asks the same session for them, where a profile says so
_SERVICES = _CLIENTS + _CREDENTIALS


class _PlainFiles(JSONFileLoader):
    """Reads the SDK's data files into plain dicts."""

    def load_file(self, file_path: str) -> Any:
        """Return what a file holds, by its path without `.json` or `.json.gz`; None when there is no such file."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return json.loads(plain.read_bytes())
        return json.loads(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


@functools.cache
def session() -> boto3.Session:
    """Return the session of the runtime's clients.

    It knows the services that `clients` has a function for, and those that credentials may come from.

    A change of botocore would leave the listing out too: https://github.com/boto/botocore/pull/3687
    """
    base = botocore.session.get_session()
    loader = base.get_component("data_loader")
    loader.list_available_services = lambda _type_name: _SERVICES
    loader.file_loader = _PlainFiles()
    made = boto3.Session(botocore_session=base)
    # The SDK's user agent, but made once: it is a twentieth of what a call costs.
    base.set_default_client_config(Config(user_agent=base.user_agent()))
    return made
