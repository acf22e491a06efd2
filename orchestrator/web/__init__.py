"""The HTTP API.  Only this package imports FastAPI and uvicorn."""
