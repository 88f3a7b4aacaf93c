"""A handler package becomes a Lambda asset: its code, the runtime, its dependencies; the same hash everywhere."""

from tsunagu.cdk.assets.build import HandlerAsset, build_asset
from tsunagu.cdk.assets.image import ImageAsset, ImagePackage, build_image
from tsunagu.cdk.assets.package import HandlerPackage
from tsunagu.cdk.assets.platform import ARCHITECTURES, PYTHONS, Architecture, Platform

__all__ = [
    "ARCHITECTURES",
    "PYTHONS",
    "Architecture",
    "HandlerAsset",
    "HandlerPackage",
    "ImageAsset",
    "ImagePackage",
    "Platform",
    "build_asset",
    "build_image",
]
