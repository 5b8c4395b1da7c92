"""Answers in other shapes than JSON: files for those who take the data along."""
