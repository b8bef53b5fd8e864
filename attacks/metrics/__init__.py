"""How well a guess did: arrays in, numbers out. Nothing here knows an attack, a target or a file."""
