"""
What the log means: pure functions from events to answers.

Nothing here reads a clock, a file or a database; dates, positions and events come in as
values and answers go out as values. `fold` is the door for the layers above.
"""
