"""The supplier: its slow HTTP API, which gives the price list page by page."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tsunagu import JsonObject, PermanentError, RetryableError

ANSWER_SECONDS = 60  # the supplier takes most of a minute for a page
PAGE_ARTICLES = 40
PAGE_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Article:
    """An article of the price list.

    Attributes:
        sku: The supplier's id for it.
        price: Minor units of the supplier's currency.
    """

    sku: str
    price: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the price list.

    Attributes:
        articles: At most 40.
        next_page: Number of the next page; None after the last one.
    """

    articles: tuple[Article, ...]
    next_page: int | None


class Supplier:
    """Reads the price list of a supplier.

    Args:
        url: Address of the API: `GET <url>/prices?page=<number>`.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def page(self, number: int) -> Page:
        """Return one page of the price list. The first one is 1.

        Raises:
            RetryableError: The supplier did not answer, or is overloaded.
            PermanentError: The supplier refuses the request, or its answer is no page.
        """
        try:
            with urlopen(self._request(number), timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - see `_request`
                content = json.loads(answer.read(PAGE_BYTES))
            return _page(content)
        except HTTPError as error:
            msg = f"the supplier must answer with 200, got {error.code}"
            is_passing = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code == HTTPStatus.TOO_MANY_REQUESTS
            raise (RetryableError if is_passing else PermanentError)(msg) from error
        except OSError as error:
            msg = f"the supplier must answer within {ANSWER_SECONDS} seconds, got {type(error).__name__}"
            raise RetryableError(msg) from error
        except (LookupError, TypeError, ValueError) as error:
            msg = f"a page must have articles, with sku and price, and next, got {type(error).__name__}"
            raise PermanentError(msg) from error

    def _request(self, number: int) -> Request:
        if urlsplit(self._url).scheme not in {"http", "https"}:
            msg = "the address of the supplier must begin with http:// or https://"
            raise PermanentError(msg)
        return Request(f"{self._url}/prices?page={number}", headers={"Accept": "application/json"})  # noqa: S310


def _page(content: JsonObject) -> Page:
    """Read a page.

    Raises:
        LookupError, TypeError, ValueError: It is none.
    """
    articles = tuple(Article(str(each["sku"]), _number(each["price"])) for each in content["articles"])
    if len(articles) > PAGE_ARTICLES:
        msg = f"a page must have at most {PAGE_ARTICLES} articles, got {len(articles)}"
        raise ValueError(msg)
    return Page(articles, None if content["next"] is None else _number(content["next"]))


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        msg = f"a whole number from 0 must be given, got {type(value).__name__}"
        raise ValueError(msg)
    return value
