"""Offers as customers see them: codes that can be typed, benefits in words."""
