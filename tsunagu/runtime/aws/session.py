"""Limits the SDK's session to the services that we use, which halves the time to the first client.

* botocore lists some 900 folders to find all services. This session has a fixed list instead.
* botocore reads its JSON files into ordered dicts, which takes twice the time and memory of plain dicts. This session
  uses plain dicts, which keep the order too.
* botocore reads the endpoints of all services. This session derives those of DynamoDB, SQS, SNS and Step Functions.
* boto3 adds 60 modules, for transfers of files and for resources. This session is botocore's, which makes the clients.
"""

import functools
import gzip
import json
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import JSONFileLoader

from tsunagu.runtime.aws.endpoints import use_regional_endpoints

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
def session() -> botocore.session.Session:
    """Return the session of the runtime's clients.

    Its services are those of the clients in `aws.clients`, and those that credentials may come from. A proposed change
    of botocore skips the listing too: https://github.com/boto/botocore/pull/3687
    """
    made = botocore.session.get_session()
    loader = made.get_component("data_loader")
    loader.list_available_services = lambda _type_name: _SERVICES
    loader.file_loader = _PlainFiles()
    use_regional_endpoints(made)
    # The SDK's user agent, but built only once. Building it takes a twentieth of the time of a call.
    made.set_default_client_config(Config(user_agent=made.user_agent()))
    return made
