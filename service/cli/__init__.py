"""
The command line: one file a command, each a client of the HTTP contract and of nothing else.

With `--url` a command speaks to a running service, without it to the same application in
process, on the data directory. The application is named as text (`service.in_process`), so
nothing above this package is imported. What is heavy (httpx, rich, the application) is imported where
it is used, so that `--help` is there at once.
"""
