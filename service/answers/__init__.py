"""
The one way out: one file a question, with the structs in which it is answered.

Each answer fixes the position that it answers for first and then asks everything as known
there, so that it needs no transaction: what is appended meanwhile does not concern it.
"""
