"""The one error users are meant to read."""


class FptqError(Exception):
    """Input that cannot be used, or a failure of the compiler: the text says which file, layer and key."""
