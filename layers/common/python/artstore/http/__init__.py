"""HTTP for the functions: endpoints as data, one application builder, one shape of error.

An endpoint is a plain function from validated models and a Principal to a model; ``endpoint`` states its method,
path, scope and status, and ``create_app`` registers a list of them with Chalice. The OpenAPI document comes
from the same list (``artstore.http.openapi``).
"""

from artstore.http.app import Refusal, create_app
from artstore.http.endpoint import Endpoint, Header, Redirect, Rendered, Reply, endpoint
from artstore.http.request import Request

__all__ = ["Endpoint", "Header", "Redirect", "Refusal", "Rendered", "Reply", "Request", "create_app", "endpoint"]
