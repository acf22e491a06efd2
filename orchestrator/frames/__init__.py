"""Renders that are split by frames: a plugin describes its renderer, and this does the rest.

Which frames a segment has, where they are rendered, looked at and put, and when they count.
"""
