"""What a reader of a web page came for: without hidden parts, menus, banners and footers.

Nothing is judged by its words alone. An element goes because its tag or role says what it is, or because
its class or id does and its links or size agree. Whatever holds most of the page's text stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_UNSEEN = frozenset(
    """
    script style noscript noframes template svg iframe head select datalist textarea object embed applet
    canvas audio video map rt rp rtc dialog
    """.split()
)
_HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
#: Folded parts, which a click shows.
_FOLDED = frozenset("tabpanel accordion collapse panel tab pane".split())
_FOR_EARS = frozenset("sr-only visually-hidden visuallyhidden screen-reader-text skip-link skiplink".split())

_ROLES = frozenset("navigation contentinfo search menu menubar dialog alertdialog".split())
_COOKIES = frozenset("cookie cookies cookiebot consent gdpr ccpa onetrust".split())
_BANNERS = frozenset(
    "banner bar notice popup modal overlay dialog message alert disclaimer law prompt".split()
)
#: Names of what leads elsewhere, and those that stand for it only outside of the main part.
_MENUS = frozenset("nav navbar navlinks menu menubar sidebar toc skip toolbar share sharing social".split())
_MENUS_OUTSIDE = _MENUS | frozenset("contents topbar related siblings links header masthead top".split())
_NAVIGATION = frozenset("navigation navheader navfooter breadcrumb breadcrumbs pagination pager".split())
_FOOTERS = frozenset("footer colophon copyright foot pagefooter sitefooter".split())
_BESIDE = frozenset(
    "advert advertisement ads sponsored popup modal newsletter subscribe share sharing social".split()
)
_MAIN_IDS = frozenset(
    "content main main-content maincontent page-content bodycontent mw-content-text primary document".split()
)
_TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6 summary dt legend".split())
#: What no name makes a menu of.
_NEVER = _HEADINGS | frozenset("a p span code pre td th tr li article main body".split())
#: The share of an element's text that is links if it is there to lead elsewhere.
_LINKS, _FEW_LINKS = 0.5, 0.2


def keep_content(page: Any) -> list[Any]:
    """Remove from a parsed page what is no content; the elements that hold the rest, in order."""
    body = page.find("body")
    body = page if body is None else body
    _drop_unseen(body)
    sizes = _Sizes(body)
    dropped = list(_beside_content(body, sizes))
    kept = sizes.text[body] - sum(sizes.text[each] for each in dropped)
    if kept == 0 or (kept < 40 and sizes.text[body] > 10 * kept):
        # A page of links, or one that names its parts in another way than it uses them.
        return [body]
    for each in dropped:
        drop(each)
    return _main(body)


def drop(element: Any) -> None:
    """Remove an element, but not the text behind it."""
    parent = element.getparent()
    if parent is None:
        return
    tail = element.tail or ""
    # What stands on both sides of a block is not one word.
    if (before := element.getprevious()) is not None:
        before.tail = f"{before.tail or ''} {tail}"
    else:
        parent.text = f"{parent.text or ''} {tail}"
    parent.remove(element)


def tokens(element: Any) -> frozenset[str]:
    """The words of an element's id, class and summary."""
    named = f"{element.get('id', '')} {element.get('class', '')} {element.get('summary', '')}"
    return frozenset(word.lower() for word in _TOKEN.findall(named))


class _Sizes:
    """How many characters of text, and how many of links, each element holds."""

    def __init__(self, root: Any) -> None:
        self.text: dict[Any, int] = {}
        self.links: dict[Any, int] = {}
        for element in reversed(list(root.iter())):
            text, links = len((element.text or "").strip()), 0
            for each in element:
                text += self.text[each] + len((each.tail or "").strip())
                links += self.links[each]
            self.text[element] = text
            self.links[element] = text if element.tag == "a" and element.get("href") is not None else links

    def share_of_links(self, element: Any) -> float:
        return self.links[element] / self.text[element] if self.text[element] else 0.0


def _drop_unseen(body: Any) -> None:
    shown = {each for element in body.iter() for each in (element.get("aria-controls") or "").split()}
    for element in list(body.iter()):
        if element is body:
            continue
        if element.tag == "button":
            # A button in a heading is the heading of a part that it unfolds.
            named = any(above.tag in _HEADINGS for above in element.iterancestors())
            if not named and element.get("aria-expanded") is None:
                drop(element)
        elif element.tag in _UNSEEN or not isinstance(element.tag, str) or _is_hidden(element, shown):
            drop(element)


def _is_hidden(element: Any, shown: set[str]) -> bool:
    classes = (element.get("class") or "").lower().split()
    if not _FOR_EARS.isdisjoint(classes) or "linenos" in classes or "headerlink" in classes:
        return True
    style = element.get("style")
    if not (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or (style and _HIDDEN.search(style))
    ):
        return False
    folded = element.get("id") in shown or element.get("role") == "tabpanel"
    return not folded and _FOLDED.isdisjoint(tokens(element))


def _beside_content(body: Any, sizes: _Sizes) -> Iterator[Any]:
    """The outermost elements that are no content."""
    waiting: list[tuple[Any, bool]] = [(each, False) for each in body]
    while waiting:
        element, inside = waiting.pop()
        if not sizes.text[element]:
            continue
        if _is_beside(element, inside, sizes, sizes.text[body]):
            yield element
            continue
        inside = inside or element.tag in ("main", "article") or element.get("role") == "main"
        waiting.extend((each, inside) for each in element)


def _is_beside(element: Any, inside: bool, sizes: _Sizes, whole: int) -> bool:
    tag, role = element.tag, element.get("role")
    size, links = sizes.text[element], sizes.share_of_links(element)
    if tag == "nav" or role in _ROLES:
        return True
    if tag == "footer":
        return not inside or links >= _LINKS
    if size > whole / 2:
        return False
    if tag == "header" or role == "banner":
        return not inside and element.find(".//h1") is None
    if tag == "aside" or role == "complementary":
        return not inside or links >= _LINKS
    named = tokens(element)
    if not named or tag in _NEVER:
        return False
    if not named.isdisjoint(_COOKIES) and size < 2_000 and not named.isdisjoint(_BANNERS):
        return True
    if not named.isdisjoint(_MENUS if inside else _MENUS_OUTSIDE) and links >= _LINKS:
        return True
    if not named.isdisjoint(_NAVIGATION) and links >= _FEW_LINKS:
        return True
    if not named.isdisjoint(_FOOTERS) and not inside:
        return size <= max(whole / 5, 400) and element.find(".//h1") is None
    return not named.isdisjoint(_BESIDE) and size < 600


def _main(body: Any) -> list[Any]:
    """The part that the page marks as its main one, if it holds the most; otherwise all that is left."""
    sizes = _Sizes(body)
    mains = [each for each in body.iter() if each.tag == "main" or each.get("role") == "main"]
    articles = [each for each in body.iter("article") if next(each.iterancestors("article"), None) is None]
    named = [each for each in body.iter() if (each.get("id") or "").lower() in _MAIN_IDS]
    for found, least in ((mains, 0.2), (articles, 0.5), (named, 0.5)):
        if len(found) == 1 and sizes.text[found[0]] >= max(least * sizes.text[body], 1):
            headings = list(body.iter("h1"))
            outside = len(headings) == 1 and found[0] not in headings[0].iterancestors()
            return [headings[0], found[0]] if outside and found[0].find(".//h1") is None else found
    return [body]
