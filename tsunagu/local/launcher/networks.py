"""Deploys what a template of the CDK has around a VPC: address ranges, rules of security groups, gateways, flow logs.

ministack lacks these attributes and types. Nothing is routed or filtered here: they are records that EC2 describes.
"""

# ruff: noqa: SLF001 - the package's docstring says why

import functools
import uuid
from collections.abc import Callable
from typing import Any

from .ministack_modules import ec2, provisioners

Properties = dict[str, Any]
Created = tuple[str, Properties]  # physical id, attributes
Describe = Callable[[Properties], Properties]

_RULES = {"Ingress": "IpPermissions", "Egress": "IpPermissionsEgress"}


def install() -> None:
    """Add the attributes and types."""
    _describe_after("AWS::EC2::VPC", _attributes_of_vpc)
    _describe_after("AWS::EC2::Subnet", _attributes_of_subnet)
    for direction, permissions in _RULES.items():
        _add_type(f"AWS::EC2::SecurityGroup{direction}", *_rule_of(permissions))
    _add_type("AWS::EC2::EIP", _create_address, _delete_nothing)
    _add_type("AWS::EC2::NatGateway", _create_nat_gateway, _delete_nat_gateway)
    _add_type("AWS::EC2::FlowLog", _create_flow_log, _delete_nothing)


def _describe_after(resource_type: str, describe: Describe) -> None:
    """Add attributes to those that ministack gives a resource."""
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handlers["create"], handlers["update"]

    @functools.wraps(create)
    def create_and_describe(logical_id: str, properties: Properties, *rest: Any, **named: Any) -> Created:
        physical_id, attributes = create(logical_id, properties, *rest, **named)
        return physical_id, describe(properties) | attributes

    @functools.wraps(update)
    def update_and_describe(physical_id: str, old: Properties, new: Properties, *rest: Any, **named: Any) -> Created:
        kept_id, attributes = update(physical_id, old, new, *rest, **named)
        return kept_id, describe(new) | attributes

    handlers.update(create=create_and_describe, update=update_and_describe)


def _add_type(
    resource_type: str,
    create: Callable[[Properties], Created],
    delete: Callable[[str, Properties], None],
) -> None:
    """Add a type whose resource is made anew when it changes."""

    def create_resource(_logical_id: str, properties: Properties, *_rest: Any) -> Created:
        return create(properties)

    def replace_resource(physical_id: str, old: Properties, new: Properties, *_rest: Any) -> Created:
        delete(physical_id, old)
        return create(new)

    provisioners._RESOURCE_HANDLERS[resource_type] = {
        "create": create_resource,
        "update": replace_resource,
        "delete": delete,
    }


def _attributes_of_vpc(properties: Properties) -> Properties:
    return {
        "CidrBlock": properties.get("CidrBlock", "10.0.0.0/16"),
        "CidrBlockAssociations": [_new_id("vpc-cidr-assoc")],
        "Ipv6CidrBlocks": [],
    }


def _attributes_of_subnet(properties: Properties) -> Properties:
    return {
        "CidrBlock": properties.get("CidrBlock", ""),
        "Ipv6CidrBlocks": [],
        "NetworkAclAssociationId": _new_id("aclassoc"),
        "OutpostArn": "",
        "VpcId": properties.get("VpcId", ""),
    }


def _rule_of(permissions: str) -> tuple[Callable[[Properties], Created], Callable[[str, Properties], None]]:
    """Return how a rule of a security group is made and deleted, where `permissions` is the list that it belongs to."""

    def create(properties: Properties) -> Created:
        rule_id = _new_id("sgr")
        (rule,) = provisioners._ec2_sg_permissions([properties])
        ec2._security_groups[properties["GroupId"]][permissions].append({**rule, "SecurityGroupRuleId": rule_id})
        return rule_id, {"Id": rule_id}

    def delete(rule_id: str, properties: Properties) -> None:
        group = ec2._security_groups.get(properties["GroupId"]) or {permissions: []}
        group[permissions] = [rule for rule in group[permissions] if rule.get("SecurityGroupRuleId") != rule_id]

    return create, delete


def _create_address(properties: Properties) -> Created:
    allocation_id, address = _new_id("eipalloc"), "192.0.2.1"  # of the range for documentation
    ec2._addresses[allocation_id] = {
        "AllocationId": allocation_id,
        "PublicIp": address,
        "Domain": properties.get("Domain", "vpc"),
        "AssociationId": None,
        "InstanceId": None,
        "NetworkInterfaceId": None,
        "PrivateIpAddress": None,
    }
    return address, {"AllocationId": allocation_id, "PublicIp": address}


def _create_flow_log(_properties: Properties) -> Created:
    flow_log_id = _new_id("fl")
    return flow_log_id, {"Id": flow_log_id}


def _delete_nothing(_physical_id: str, _properties: Properties) -> None:
    """Leave the record: nothing is charged for it."""


def _create_nat_gateway(properties: Properties) -> Created:
    gateway_id = _new_id("nat")
    subnet = ec2._subnets.get(properties["SubnetId"]) or {}
    ec2._nat_gateways[gateway_id] = {
        "NatGatewayId": gateway_id,
        "SubnetId": properties["SubnetId"],
        "VpcId": subnet.get("VpcId", ""),
        "AllocationId": properties.get("AllocationId", ""),
        "ConnectivityType": properties.get("ConnectivityType", "public"),
        "State": "available",
        "CreateTime": ec2._now_ts(),
        "Tags": properties.get("Tags", []),
    }
    return gateway_id, {"NatGatewayId": gateway_id}


def _delete_nat_gateway(gateway_id: str, _properties: Properties) -> None:
    ec2._nat_gateways.pop(gateway_id, None)


def _new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:17]}"
