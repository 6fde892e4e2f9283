# SPDX-License-Identifier: Apache-2.0
"""The websocket client that Debian 12 (websockets 10) and 13 (15) both have; the newer one of 13 takes other arguments."""
from websockets.exceptions import InvalidMessage, InvalidStatusCode  # noqa: F401
from websockets.legacy.client import connect  # noqa: F401
