"""
The proof: every suite of faults, interleavings and input in full, in one command.

`python -m tests.proof` runs them one after the other, keeps what is done, and writes how much was
gone through and whether anything was lost. Tests count what they do (`tests/support/counted.py`).
"""
