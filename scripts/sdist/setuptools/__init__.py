"""Stands in for setuptools: see README.md beside this folder."""
