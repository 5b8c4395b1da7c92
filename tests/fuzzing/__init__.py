"""
Fuzzing that is led by what of the code each input reaches, for those who installed `.[fuzz]`.

`python -m tests.fuzzing dates --seconds 60` looks for an input that breaks a law of `targets.py`.
"""
