"""Signs requests of `requests`, and so of schemathesis, as an IAM user."""

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from cdk_app.demo.signed_api import SignedApi


class Signature(requests.auth.AuthBase):
    """Signs requests as the user of an API."""

    def __init__(self, api: SignedApi) -> None:
        self._api = api

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        signed = AWSRequest(
            method=request.method, url=request.url, data=request.body, headers=dict(request.headers.items())
        )
        assert self._api.credentials is not None
        SigV4Auth(self._api.credentials, "execute-api", self._api.region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request
