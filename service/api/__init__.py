"""
The HTTP contract: one table of operations, from which routes, documents and tests follow.

Handlers read a request, ask `answers` or `recording` and write the answer; they decide
nothing.
"""
