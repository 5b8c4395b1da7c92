"""The tests of this folder share a database."""

from tests.support.shared import base, shared_database

__all__ = ["base", "shared_database"]
