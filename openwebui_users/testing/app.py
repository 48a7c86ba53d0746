"""The application: all routes over one database, and what the server says to any other path."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from . import auths, groups, users
from .database import Database
from .versions import NEWEST, OLDEST, has_route

WEB_PAGE = "<!doctype html><html><head><title>Open WebUI</title></head><body></body></html>"


def build_app(database: Database, version: str = NEWEST) -> FastAPI:
    """An application over this database, which stays the caller's."""
    app = FastAPI(openapi_url=None)
    app.state.database = database
    for part in (users, auths, groups):
        router = APIRouter()
        for route in part.router.routes:
            if isinstance(route, APIRoute):
                methods = [
                    one
                    for one in route.methods or ()
                    if has_route(version, one, route.path, route.name)
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

    @app.exception_handler(RequestValidationError)
    async def form_error(request: Request, error: RequestValidationError) -> Any:
        """The faults of a form; routes of sign-in do not repeat what they were sent."""
        if request.url.path.startswith("/api/v1/auths/") and version != OLDEST:
            return JSONResponse({"detail": "Invalid authentication request."}, 422)
        return await request_validation_exception_handler(request, error)

    return app
