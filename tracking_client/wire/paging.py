"""One page of a search, and walking through all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, SupportsIndex, TypeVar, overload

T = TypeVar("T")


class PagedList(list[T], Generic[T]):
    """One page of results; `token` fetches the next page and is None on the last."""

    def __init__(self, items: Iterable[T], token: str | None = None) -> None:
        super().__init__(items)
        self.token = token

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> PagedList[T]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T | PagedList[T]:
        """An item; or a slice, which keeps the token."""
        if isinstance(index, slice):
            return PagedList(super().__getitem__(index), self.token)
        return super().__getitem__(index)


def every_item(
    page_at: Callable[[int, str | None], PagedList[T]], page_size: int, max_results: int | None = None
) -> Iterator[T]:
    """All items of a search, page by page as they are asked for, up to `max_results`.

    `page_at` takes the size of the page that is wanted and the token of the page before, None at first.
    """
    token: str | None = None
    left = max_results
    while left is None or left > 0:
        page = page_at(page_size if left is None else min(left, page_size), token)
        yield from page
        token = page.token
        if left is not None:
            left -= len(page)
        if token is None:
            return


__all__ = ["PagedList", "every_item"]
