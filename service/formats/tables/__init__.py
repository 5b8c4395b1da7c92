"""Answers as the rows of tables: columns that keep apart what is certain and what is possible."""
