"""What all tests share."""

from hypothesis import settings

# A first example compiles or loads kernels, and machines are busy: time is no property of what is tested.
settings.register_profile("parlance", deadline=None)
settings.load_profile("parlance")
