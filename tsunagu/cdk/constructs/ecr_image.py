"""An image of a function that is in a repository of ECR already."""

import re
from dataclasses import dataclass

from aws_cdk import Token
from aws_cdk import aws_ecr as ecr

from tsunagu.cdk.props import CheckedProps
from tsunagu.errors import InvalidPropsError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HANDLER = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrImage(CheckedProps):
    """An image in ECR that something else builds and pushes, such as a pipeline.

    Nothing of it is checked at synth: not its code, its imports, its Python or its lock. It must hold the runtime
    (`tsunagu`, `tsunagu.runtime` and `tsunagu.contracts`), and be of the architecture of the platform. A manifest for
    several platforms is refused by Lambda.

    Attributes:
        repository: The repository, in the region of the function.
        digest: Digest of the image, `sha256:...`: the function runs this image until the stack has another digest.
        tag: Tag of the image, instead of the digest. Needs `mutable_tag`.
        mutable_tag: With a tag, whether the repository lets a tag move to another image. Lambda looks a tag up when the
            stack changes the function's code, and not when an image is pushed. So after a push with the same tag
            nothing is deployed, and a rollback may run other code than before: synthesis warns of it. Default: must be
            given.
        handler: The function's handler, such as `invoices.handler.handler`. Default: what `CMD` of the image names.

    Raises:
        InvalidPropsError: Digest and tag are both given or both missing, one has another form, a tag is given without
            `mutable_tag`, or the handler is no dotted name.
    """

    repository: ecr.IRepository
    digest: str | None = None
    tag: str | None = None
    mutable_tag: bool | None = None
    handler: str | None = None

    def __post_init__(self) -> None:
        """Refuse settings that name no image, or exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        if (self.digest is None) == (self.tag is None):
            got = "neither" if self.digest is None else "both"
            msg = f"digest or tag must be given, and a digest is better because it never moves, got {got}"
            raise InvalidPropsError(msg)
        _check_form("digest", self.digest, _DIGEST, "sha256: and 64 hex digits")
        _check_form("tag", self.tag, _TAG, "a tag of ECR, without a colon")
        _check_form("handler", self.handler, _HANDLER, "a dotted name, such as 'invoices.handler.handler'")
        if (self.tag is None) != (self.mutable_tag is None):
            got = "one without a tag" if self.tag is None else "none"
            msg = (
                "mutable_tag must be given with a tag: False if the repository has immutable tags, True if a push can "
                f"move the tag, got {got}"
            )
            raise InvalidPropsError(msg)

    @property
    def tag_or_digest(self) -> str:
        """The digest, or else the tag."""
        return self.digest or self.tag or ""


def _check_form(name: str, value: str | None, form: re.Pattern[str], in_words: str) -> None:
    if value is not None and not Token.is_unresolved(value) and not form.fullmatch(value):
        msg = f"{name} must be {in_words}, got {value!r}"
        raise InvalidPropsError(msg)
