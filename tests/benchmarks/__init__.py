"""
Speed, held by measurement: ours and the references side by side, in turns, in one run.

`python -m tests.benchmarks` starts a Postgres of its own that waits for the disk, makes a seeded
history, lets each side do the same work in turns, and tells medians, spread and ratios beside the
goals in `goals.py`. What is measured is in one file a subject (`appends`, `loads`, `replays`,
`states`, `growth`, `starts`); what they share of the service is in `product.py`.
"""
