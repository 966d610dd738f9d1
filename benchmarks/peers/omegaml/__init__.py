"""Comparisons with omegaml, used as its documentation says; its code is not read."""
