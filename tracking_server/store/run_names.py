"""Names for runs that were given none: adjective-animal-number, easy to say and to tell apart."""

from __future__ import annotations

import secrets

_ADJECTIVE_WORDS = """
    able amber brave bright brisk calm candid clever crisp curious deft eager early fair fleet fond
    frank gentle glad golden grand happy hardy honest humble jolly keen kind late light lively lucid
    lucky mellow merry mild modest neat nimble noble patient plain polite proud quick quiet rapid
    ready rosy rustic sharp silent silver sleek smooth snowy solid spry steady still stout subtle
    sunny swift tidy trim true upbeat valiant vivid warm wise witty young zesty
"""
_ANIMAL_WORDS = """
    ant badger bat bear beaver bee bison boar camel cat colt crab crane crow deer dog dolphin donkey
    dove duck eagle eel elk falcon fawn finch fish fox frog gnu goat goose grouse gull hare hawk
    heron horse jay kite koala lamb lark lion lynx mare mole moose moth mouse mule newt otter owl ox
    panda perch pig pony quail ram rat raven robin rook seal shark sheep shrew skunk slug snail
    snake sow squid stag stork swan tern tiger toad trout turtle vole wasp whale wolf wren yak zebra
"""
_ADJECTIVES = _ADJECTIVE_WORDS.split()
_ANIMALS = _ANIMAL_WORDS.split()


def random_name() -> str:
    """A name such as "calm-otter-214"."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_ANIMALS)}-{secrets.randbelow(1000)}"
