"""What runs in a template and the programs forked from it, with the project's Python: standard library only.

`runner.warm.templates` starts `template.py` as a script; nothing here is imported by `runner` itself.

The directory has its name because `warnings` passes over frames whose file is called so when it looks for the
line to blame: our frames below and between those of a script must not be blamed for what its imports warn of.
"""
