"""Deliveries: promotions to places that no network leads to, by signed files in a folder."""
