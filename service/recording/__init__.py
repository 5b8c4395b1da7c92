"""
The one way into the log: resolve, refuse, append, project, in one transaction.

`writer.Writer` takes commands from many requests and commits those that wait together;
`admission` decides, purely; `scope` reads what a decision needs.
"""
