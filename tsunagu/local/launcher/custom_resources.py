"""Does what two custom resources of the CDK do: close the default security group of a VPC, empty a bucket.

Their functions are for Node, and need the SDK that AWS's runtime of Node has and this machine does not. The context
that `cdk init` writes has the first one for every VPC (`@aws-cdk/aws-ec2:restrictDefaultSecurityGroup`).
"""

# ruff: noqa: SLF001 - the package's docstring says why

from typing import Any

from .ministack_modules import ec2, provisioners, s3

Properties = dict[str, Any]
Created = tuple[str, Properties]  # physical id, attributes


def install() -> None:
    """Take these two types before ministack calls their functions."""
    provisioners._RESOURCE_HANDLERS["Custom::VpcRestrictDefaultSG"] = {
        "create": lambda logical_id, properties, *_: _close_group(logical_id, properties),
        "update": lambda physical_id, _, properties, *__: _close_group(physical_id, properties),
        "delete": lambda *_: None,  # the group goes with its VPC
    }
    provisioners._RESOURCE_HANDLERS["Custom::S3AutoDeleteObjects"] = {
        "create": lambda _, properties, *__: (properties["BucketName"], {}),
        "update": lambda _, __, properties, *___: (properties["BucketName"], {}),
        "delete": lambda _, properties, *__: _empty_bucket(properties["BucketName"]),
    }


def _close_group(resource_id: str, properties: Properties) -> Created:
    group = ec2._security_groups[properties["DefaultSecurityGroupId"]]
    group.update(IpPermissions=[], IpPermissionsEgress=[])
    return resource_id, {}


def _empty_bucket(name: str) -> None:
    bucket = s3._buckets.get(name)
    if bucket is None:
        return
    bucket["objects"].clear()
    for of_bucket, key in [*s3._object_versions.keys()]:
        if of_bucket == name:
            s3._object_versions.pop((of_bucket, key), None)
