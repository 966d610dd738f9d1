"""The core's tests run alone, too, without the configuration at the root."""

from __future__ import annotations

from tests.profiles import register_profiles

register_profiles()
