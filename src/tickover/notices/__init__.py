"""Notices: what is worth telling somebody who is not looking, from findings; opened once, kept up to date, closed."""
