"""Every endpoint of the API: what the OpenAPI document and the reference page are made from."""

from functions.public.api.account_endpoints import ACCOUNT_ENDPOINTS
from functions.public.api.client_endpoints import CLIENT_ENDPOINTS
from functions.public.api.endpoint import ApiEndpoint
from functions.public.api.unlisted_endpoints import UNLISTED_ENDPOINTS

LISTED: tuple[ApiEndpoint, ...] = (*CLIENT_ENDPOINTS, *ACCOUNT_ENDPOINTS)
"""Those of the reference page, group by group."""
ALL: tuple[ApiEndpoint, ...] = (*LISTED, *UNLISTED_ENDPOINTS)
"""Those of the OpenAPI document, which says everything that the API answers."""
