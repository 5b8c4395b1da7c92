"""
Who was where, when, and how do we know: a log of hires, departures and foundings.

An append-only log in Postgres is folded into read models that answer for any day and any
state of knowledge. Imports point one way:

    domain | postgres <- log <- read_models <- recording <- answers <- formats
        <- api | web | cli <- app <- serving | in_process
"""

__version__ = "0.1.0"
