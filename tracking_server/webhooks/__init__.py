"""Webhooks: telling other servers what changed in the registry, and never being used against anybody.

`events` says what can be told, `targets` and `addresses` whom, `signature` and `sender` how, `delivery` when.
"""
