"""Searching: from the meaning of a filter and an order to a page, found through the indexes."""
