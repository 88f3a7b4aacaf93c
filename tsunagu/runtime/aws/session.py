"""Limits the SDK's session to the services that we use, which halves the time to the first client.

* botocore lists some 900 folders to find all services. This session has a fixed list instead.
* botocore reads two megabytes of JSON into ordered dicts, which takes twice the time and memory of plain dicts. This
  session uses plain dicts, which keep the order too.
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

_CLIENTS = ["cloudwatch", "dynamodb", "s3", "sns", "sqs", "stepfunctions"]
_CREDENTIALS = ["signin", "sso", "sso-oidc", "sts"]  # botocore uses the same session for these, if a profile says so
_SERVICES = _CLIENTS + _CREDENTIALS


class _PlainFiles(JSONFileLoader):
    """Reads the SDK's data files into plain dicts."""

    def load_file(self, file_path: str) -> Any:
        """Return the content of a file, by its path without `.json` or `.json.gz`. None: there is no such file."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return json.loads(plain.read_bytes())
        return json.loads(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


@functools.cache
def session() -> boto3.Session:
    """Return the session of the runtime's clients.

    Its services are those of the clients in `aws.clients`, and those that credentials may come from. A proposed change
    of botocore skips the listing too: https://github.com/boto/botocore/pull/3687
    """
    base = botocore.session.get_session()
    loader = base.get_component("data_loader")
    loader.list_available_services = lambda _type_name: _SERVICES
    loader.file_loader = _PlainFiles()
    made = boto3.Session(botocore_session=base)
    # The SDK's user agent, but built only once. Building it takes a twentieth of the time of a call.
    base.set_default_client_config(Config(user_agent=base.user_agent()))
    return made
