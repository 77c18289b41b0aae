"""The back end of packages that have only a setup.py."""

import mesonpy as __legacy__  # noqa: F401  (what pip asks for, by this name)
from mesonpy import build_wheel, prepare_metadata_for_build_wheel  # noqa: F401
