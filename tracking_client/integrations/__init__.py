"""What logs by itself: libraries whose training is watched, and callbacks for them.

Nothing here is imported before it is asked for, and no library before the user has it.
"""
