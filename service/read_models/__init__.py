"""
What the log looks like folded and kept, with the positions between which it was believed.

Each row has `known_from` and `known_to`; an append closes the rows that changed and adds
their successors, so that a question about any state of knowledge is one index scan. Imports
`log`, `domain` and `postgres`; disposable: dropped and replayed, never migrated by hand.
"""
