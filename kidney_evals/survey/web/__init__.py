"""The survey's server and pages: Starlette, uvicorn and Jinja templates, without JavaScript."""
