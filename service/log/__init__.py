"""
The append-only log: positions without gaps in commit order, a hash chain, nothing else.

Imports `domain` and `postgres`; folds nothing.
"""
