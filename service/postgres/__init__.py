"""Plumbing to PostgreSQL: connections, named statements, the server that comes along."""
