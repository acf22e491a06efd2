"""Requests to an app without a socket."""

import asyncio

import httpx


class InProcess:
    """A client of one app; each request has an event loop of its own."""

    def __init__(self, app):
        self.app = app

    def request(self, method, url, **what):
        return asyncio.run(self._request(method, url, what))

    def get(self, url, **what):
        return self.request("GET", url, **what)

    def post(self, url, **what):
        return self.request("POST", url, **what)

    async def _request(self, method, url, what):
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://controller") as client:
            return await client.request(method, url, **what)
