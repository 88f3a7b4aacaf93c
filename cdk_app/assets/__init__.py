"""A handler package becomes a Lambda asset: its code, the runtime, its dependencies; the same hash everywhere."""

from cdk_app.assets.build import HandlerAsset, build_asset
from cdk_app.assets.package import HandlerPackage
from cdk_app.assets.platform import ARCHITECTURES, PYTHONS, Architecture, Platform

__all__ = ["ARCHITECTURES", "PYTHONS", "Architecture", "HandlerAsset", "HandlerPackage", "Platform", "build_asset"]
