"""The application: all routes over one database, and what the server says to any other path."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from . import auths, channels, groups, users
from .access import Collapse, Permissible
from .database import Database
from .permissions import Permissions, initial, permissions_form
from .versions import OLDEST, has_route

WEB_PAGE = "<!doctype html><html><head><title>Open WebUI</title></head><body></body></html>"


def build_app(database: Database, version: str, extra: Permissions) -> FastAPI:
    """An application over this database, which stays the caller's.

    Args:
        database: where everything is stored.
        version: of the Open WebUI to imitate.
        extra: permissions beyond those of the version, by section and name.
    """
    # As behind the web page's catch-all: a slash too many or too few leads to the web page.
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.database = database
    app.state.permissible = Permissible(
        permissions_form(database.is_oldest, extra), initial(database.is_oldest, extra)
    )
    for part in (users, auths, groups, channels):
        router = APIRouter()
        for route in part.router.routes:
            if isinstance(route, APIRoute):
                methods = [
                    one for one in route.methods or () if has_route(version, one, route.path)
                ]
                if methods:
                    router.routes.append(route)
        app.include_router(router)

    @app.get("/api/version")
    def get_version() -> Any:
        return {"version": version, "deployment_id": ""}

    @app.exception_handler(HTTPException)
    def web_page_or_error(request: Request, error: HTTPException) -> Any:
        """What no route answers is the web page for a GET, and 405 for the rest."""
        unrouted = error.status_code == 404 and "endpoint" not in request.scope
        if unrouted or error.status_code == 405:
            if request.method in ("GET", "HEAD"):
                return HTMLResponse(WEB_PAGE)
            return JSONResponse({"detail": "Method Not Allowed"}, 405)
        return JSONResponse({"detail": error.detail}, error.status_code)

    @app.exception_handler(Collapse)
    def collapsed(_: Request, __: Collapse) -> Any:
        return PlainTextResponse("Internal Server Error", 500)

    @app.exception_handler(RequestValidationError)
    async def form_error(request: Request, error: RequestValidationError) -> Any:
        """The faults of a form; routes of sign-in do not repeat what they were sent."""
        if request.url.path.startswith("/api/v1/auths/") and version != OLDEST:
            return JSONResponse({"detail": "Invalid authentication request."}, 422)
        return await request_validation_exception_handler(request, error)

    prepare(app)
    return app


def prepare(app: FastAPI) -> None:
    """Let FastAPI look at each route once: it prepares them then, with warnings switched off, which
    is not safe while other servers do the same on their threads."""
    nowhere = {"type": "http", "method": "GET", "path": "/-", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(nowhere)
