"""Templates, assets and headers of every page."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from tickover import moments
from tickover.isolation.redaction import redact
from tickover.look import words

_STATIC = Path(__file__).with_name("static")
_TYPES = {".css": "text/css", ".js": "text/javascript"}

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""What every page is sent with: nothing of another host, no script or style but the files of this package."""

Show = Callable[..., Response]
Asset = Callable[[str], Awaitable[Response]]


def make_renderer(package: str, names: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> Show:
    """What renders the templates of a package, within the frame that all pages share.

    Args:
        package: whose folder `templates` is read.
        names: known to every template.
        secrets: that no page shows, with the names of their variables.
    """

    def shown(value: Any) -> Any:
        """A value as a template puts it out: what is markup already was put out before."""
        return redact(value, secrets) if secrets and type(value) is str else value

    templates = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("tickover.look")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (words.duration, words.pretty, words.moment, words.clock, words.count)
    templates.filters |= {each.__name__: each for each in filters} | {"moments": moments.parts}
    templates.globals |= dict(names)

    def show(request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, /, **values: Any) -> Response:
        text = templates.get_template(template).render(request=request, **values)
        return HTMLResponse(text, status, dict(HEADERS))

    return show


def make_assets(folders: Sequence[Path]) -> Asset:
    """What serves style sheets and scripts by name.

    Args:
        folders: the package's own, beside those that all pages share.
    """
    files = {file.name: file for folder in (_STATIC, *folders) for file in folder.iterdir() if file.suffix in _TYPES}

    async def asset(name: str) -> Response:
        """A style sheet or a script."""
        if name not in files:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
        return FileResponse(files[name], media_type=_TYPES[files[name].suffix], headers=headers)

    return asset
