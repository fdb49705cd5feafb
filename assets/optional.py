"""Assets that a deployment asks for by a setting; the main job leaves them out where it is empty."""

from typing import Final

NEEDS: Final = "parlance/needs"


def needs(setting: str) -> dict[str, str]:
    """The tag of an asset that makes sense only where `setting` is set."""
    return {NEEDS: setting}
