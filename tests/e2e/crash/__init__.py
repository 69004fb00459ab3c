"""Kills the server at labelled points, and holds what is there afterwards against what was acknowledged."""
