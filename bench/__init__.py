"""Measurements; compiled code is kept where the command line keeps it, so that a bench measures work and not compilation."""

from wuding.user_cache import keep_compiled

keep_compiled()
